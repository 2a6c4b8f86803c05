// Brings one fetch response into a staging: the new shallow commits, and the pack.
//
// Thread-safety: none.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "cache/pack_sink.h"
#include "cache/transfer_meter.h"
#include "cache/wire_response.h"

namespace reposfs {

class PackReceiver final : public FetchEvents {
 public:
  // `open_sink` and `meter` must outlive it.  `on_object` is PackSinkRequest's.
  PackReceiver(std::filesystem::path staging, ObjectListener on_object,
               const PackSinkOpener& open_sink, TransferMeter& meter);
  // Without a successful Finish(), leaves the staging as it was.
  ~PackReceiver() override;
  PackReceiver(const PackReceiver&) = delete;
  PackReceiver& operator=(const PackReceiver&) = delete;

  Status OnShallow(const ShallowChange& change) override;
  Status OnPack(std::string_view bytes) override;
  void OnMessage(std::string_view text) override;

  // Whether any of the pack has come.
  bool begun() const { return !header_.empty(); }

  // The response is complete.  Blocks until the pack is indexed.
  Status Finish();

 private:
  // Takes from `bytes` what the header of the pack lacks; opens the sink when it is whole.
  Status AddHeader(std::string_view& bytes);
  Status SetShallow(const std::set<Oid>& commits) const;

  const std::filesystem::path staging_;
  const ObjectListener on_object_;
  const PackSinkOpener& open_sink_;
  TransferMeter& meter_;

  std::optional<std::set<Oid>> shallow_before_;  // If it has been changed.
  std::string header_;
  std::unique_ptr<PackSink> sink_;  // Null for a pack without objects.
};

}  // namespace reposfs
