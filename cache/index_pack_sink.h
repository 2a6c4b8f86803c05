// The PackSink that runs `git index-pack`, a child with limits of its own.
#pragma once

#include <memory>

#include "base/process.h"
#include "cache/fetch_progress_parser.h"
#include "cache/options.h"
#include "cache/pack_sink.h"

namespace reposfs {

class IndexPackSink final : public PackSink {
 public:
  // Starts the child.
  static Result<std::unique_ptr<PackSink>> Open(const PackSinkRequest& request,
                                                const FetchOptions& limits);
  ~IndexPackSink() override;

  Status Add(std::string_view bytes) override;
  Status Finish() override;
  std::uint64_t object_count() const override { return parser_->progress().object_count; }

 private:
  IndexPackSink(std::filesystem::path packs, Process process,
                std::unique_ptr<FetchProgressParser> parser);

  const std::filesystem::path packs_;
  const std::unique_ptr<FetchProgressParser> parser_;  // Where the child's words go.
  std::optional<Process> process_;                     // Nothing once it has ended.
};

}  // namespace reposfs
