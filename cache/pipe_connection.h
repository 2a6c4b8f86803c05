// A WireConnection to `git upload-pack`, here (file://) or at the other end of ssh.
#pragma once

#include <memory>
#include <optional>

#include "base/process.h"
#include "cache/options.h"
#include "cache/origin.h"
#include "cache/wire_connection.h"

namespace reposfs {

class PipeConnection final : public WireConnection {
 public:
  // `meter` must outlive it.  Errors: those of UploadPackCommand().
  static Result<std::unique_ptr<WireConnection>> Open(const Source& source,
                                                      const FetchOptions& limits,
                                                      TransferMeter& meter);

  // The capabilities come unasked.
  bool can_skip_advertisement() const override { return false; }
  Status Advertise(AdvertisementReader& reader) override;
  Status Request(std::string_view message, WireReader& reader) override;
  bool answered() const override { return answered_; }

 private:
  PipeConnection(ProcessOptions command, TransferMeter& meter);

  Status ReadInto(WireReader& reader);

  const ProcessOptions command_;
  TransferMeter& meter_;
  std::optional<Process> process_;
  bool answered_ = false;
};

// The command that serves `url`, of scheme ssh or file.  Errors: kInvalidArgument for a URL that is
// malformed, or whose parts ssh could take for options.
Result<ProcessOptions> UploadPackCommand(const Source& source, const FetchOptions& limits);

}  // namespace reposfs
