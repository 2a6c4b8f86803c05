#include "cache/index_pack_sink.h"

#include <string>
#include <utility>

#include "base/file_util.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

std::vector<std::string> Arguments(const PackSinkRequest& request) {
  std::vector<std::string> arguments = {"--git-dir=" + request.staging.string(), "index-pack",
                                        "--stdin", "--fix-thin", "-v"};
  // git 2.39 knows severities only together with a check of all links, which a partial pack fails;
  // and without them it refuses what ParseTree() only hides.
  if (request.links == PackLinks::kWhole) {
    arguments.push_back("--strict=" + ObjectCheckSeverities());
  }
  return arguments;
}

// Whatever else git calls it, a pack it can't index is no good.
Error IndexFailure(const ProcessResult& result) {
  Error error = GitFailure(result, "the pack can't be indexed");
  if (error.code == Errc::kUnreachable) error.code = Errc::kCorrupt;
  return error;
}

}  // namespace

Result<std::unique_ptr<PackSink>> IndexPackSink::Open(const PackSinkRequest& request,
                                                      const FetchOptions& limits) {
  auto parser = std::make_unique<FetchProgressParser>();
  ProcessOptions options = GitCommand(Arguments(request), limits, nullptr);
  options.supervise = request.keep_going;
  options.on_errors = [&words = *parser](std::string_view text) { words.Add(text); };
  auto process = Process::Start(std::move(options));
  if (!process) return std::move(process).error();
  return std::unique_ptr<PackSink>(new IndexPackSink(request.staging / "objects" / "pack",
                                                     std::move(*process), std::move(parser)));
}

IndexPackSink::IndexPackSink(std::filesystem::path packs, Process process,
                             std::unique_ptr<FetchProgressParser> parser)
    : packs_(std::move(packs)), parser_(std::move(parser)), process_(std::move(process)) {}

IndexPackSink::~IndexPackSink() {
  if (!process_) return;
  process_.reset();
  // What a killed child has left behind.
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(packs_, error)) {
    if (!entry.path().filename().string().starts_with("tmp_")) continue;
    // What can't be removed goes with the staging.
    static_cast<void>(RemoveTree(entry.path()));
  }
}

Status IndexPackSink::Add(std::string_view bytes) {
  auto written = process_->Write(bytes);
  if (!written) return std::move(written).error();
  if (*written) return {};
  auto result = process_->Wait();
  if (!result) return std::move(result).error();
  if (result->ok()) return Error{Errc::kCorrupt, "there is more after the end of the pack"};
  return IndexFailure(*result);
}

Status IndexPackSink::Finish() {
  auto result = process_->Wait();
  if (!result) return std::move(result).error();
  if (!result->ok()) return IndexFailure(*result);
  process_.reset();
  return {};
}

}  // namespace reposfs
