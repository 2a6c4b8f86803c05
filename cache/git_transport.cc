#include "cache/git_transport.h"

#include <string>
#include <utility>

#include "base/file_util.h"
#include "cache/fetch_progress_parser.h"
#include "cache/git_command.h"
#include "cache/transfer_meter.h"

namespace reposfs {
namespace {

constexpr std::size_t kRefsOutputMaxBytes = 128u << 20;
constexpr std::uint64_t kListRefsMemoryMaxBytes = 1ull << 30;

std::vector<std::string> FetchArguments(const FetchRequest& request) {
  std::vector<std::string> arguments = {"--git-dir=" + request.staging.string()};
  if (request.without_blobs) {
    // Only a remote that promises what it leaves out may leave anything out.  Any other fetch must
    // not see that promise: git would ask for each missing object by itself.
    const std::string remote = std::string("remote.") + kRemoteName;
    arguments.insert(arguments.end(), {"-c", remote + ".promisor=true", "-c",
                                       remote + ".partialCloneFilter=blob:none",
                                       // Such a fetch ignores the severities that we set, and
                                       // refuses what ParseTree() only hides.
                                       "-c", "fetch.fsckObjects=false"});
  }
  arguments.insert(arguments.end(), {"fetch", "--progress", "--no-tags", "--no-write-fetch-head",
                                     "--no-auto-maintenance", "--no-recurse-submodules"});
  if (request.depth == FetchDepth::kCommitOnly) arguments.push_back("--depth=1");
  if (request.depth == FetchDepth::kUnshallow) arguments.push_back("--unshallow");
  arguments.push_back(request.without_blobs ? "--filter=blob:none" : "--no-filter");
  if (request.ignore_local) arguments.push_back("--refetch");
  arguments.insert(arguments.end(), {"--stdin", "--end-of-options", kRemoteName});
  return arguments;
}

// What git usually sends over HTTP; over anything else it is one connection.
constexpr int kListRequestCount = 2;   // The advertisement, and ls-refs.
constexpr int kFetchRequestCount = 3;  // And the fetch.

Status AwaitTurn(const Source& source, int http_count, const std::function<Status()>& keep_going) {
  return source.AwaitTurn(source.url.starts_with("http") ? http_count : 1, keep_going);
}

std::string Lines(const std::vector<Oid>& wants) {
  std::string lines;
  for (const Oid& want : wants) lines += want.Hex() + "\n";
  return lines;
}

}  // namespace

Result<ListedRefs> GitTransport::ListRefs(const Source& source,
                                          const std::function<Status()>& keep_going) {
  Status turn = AwaitTurn(source, kListRequestCount, keep_going);
  if (!turn) return std::move(turn).error();
  ProcessOptions options =
      GitCommand({"ls-remote", "--symref", "--end-of-options", source.url}, limits_, &source);
  options.directory = "/";
  options.timeout = limits_.stall_timeout;
  options.output_max_bytes = kRefsOutputMaxBytes;
  options.memory_max_bytes = kListRefsMemoryMaxBytes;
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error().Within(source.url);
  if (!result->ok()) return GitFailure(*result, source.url);
  auto refs = RefSnapshot::FromLsRemote(result->output);
  if (!refs) return std::move(refs).error().Within(source.url);
  return ListedRefs{std::move(*refs)};
}

Status GitTransport::Fetch(const FetchRequest& request) {
  ProcessOptions options = GitCommand(FetchArguments(request), limits_, &request.source);
  options.input = Lines(request.wants);
  FetchProgressParser parser;
  TransferMeter meter(request.source.url, limits_.stall_timeout, limits_.total_timeout,
                      request.on_progress);
  Status turn = AwaitTurn(request.source, kFetchRequestCount, [&] { return meter.WhileWorking(); });
  if (!turn) return turn;
  FetchProgress& progress = meter.progress();
  options.on_errors = [&](std::string_view text) {
    progress.said_bytes += text.size();
    parser.Add(text);
    meter.Arrived();
  };
  options.supervise = [&]() -> Status {
    progress.object_count = parser.progress().object_count;
    progress.object_count_total = parser.progress().object_count_total;
    const std::uint64_t on_disk_bytes = DiskUsageBytes(request.staging / "objects");
    if (std::exchange(progress.received_bytes, on_disk_bytes) != on_disk_bytes) meter.Arrived();
    // Once all is here, git checks it without a word, for minutes if the history is long.
    const bool all_here =
        progress.object_count_total > 0 && progress.object_count == progress.object_count_total;
    return all_here ? meter.WhileWorking() : meter.WhileWaiting();
  };
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (!result->ok()) return GitFailure(*result, request.source.url);
  return {};
}

}  // namespace reposfs
