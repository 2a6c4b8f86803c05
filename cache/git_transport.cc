#include "cache/git_transport.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/file_util.h"
#include "cache/git_command.h"

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

std::string Lines(const std::vector<Oid>& wants) {
  std::string lines;
  for (const Oid& want : wants) lines += want.Hex() + "\n";
  return lines;
}

// Tells a slow transfer from a dead one.
class StallWatch {
 public:
  explicit StallWatch(milliseconds limit) : limit_(limit) {}

  // `sign_of_life` grows, or changes, with every byte that arrives.
  Status Check(std::uint64_t sign_of_life, const std::string& url) {
    const auto now = std::chrono::steady_clock::now();
    if (sign_of_life != last_sign_) {
      last_sign_ = sign_of_life;
      since_ = now;
    }
    if (now - since_ < limit_) return {};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit_).count();
    return Error{Errc::kTimedOut,
                 url + ": the server has sent nothing for " + std::to_string(seconds) + " s"};
  }

 private:
  const milliseconds limit_;
  std::uint64_t last_sign_ = 0;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<RefSnapshot> GitTransport::ListRefs(const Source& source,
                                           const std::function<Status()>& keep_going) {
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
  return refs;
}

Status GitTransport::Fetch(const FetchRequest& request) {
  ProcessOptions options = GitCommand(FetchArguments(request), limits_, &request.source);
  options.input = Lines(request.wants);
  FetchProgressParser parser;
  std::uint64_t said_bytes = 0;
  options.on_errors = [&](std::string_view text) {
    said_bytes += text.size();
    parser.Add(text);
  };
  StallWatch stall(limits_.stall_timeout);
  options.supervise = [&]() -> Status {
    FetchProgress progress = parser.progress();
    progress.received_bytes = DiskUsageBytes(request.staging / "objects");
    progress.said_bytes = said_bytes;
    if (request.on_progress) {
      if (auto status = request.on_progress(progress); !status) return status;
    }
    // Once all is here, git checks it without a word, for minutes if the history is long.
    const bool all_here =
        progress.object_count_total > 0 && progress.object_count == progress.object_count_total;
    if (all_here) return {};
    return stall.Check(progress.received_bytes + said_bytes, request.source.url);
  };
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (!result->ok()) return GitFailure(*result, request.source.url);
  return {};
}

void FetchProgressParser::Add(std::string_view errors) {
  rest_ += errors;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find_first_of("\r\n", begin)) != std::string::npos;
       begin = end + 1) {
    ParseLine(std::string_view(rest_).substr(begin, end - begin));
  }
  rest_.erase(0, begin);
  // A server that never ends its line must not fill our memory.
  if (rest_.size() > 4096) rest_.clear();
}

void FetchProgressParser::ParseLine(std::string_view line) {
  // "Receiving objects:  45% (123/456), 12.30 MiB | 5.00 MiB/s"
  if (!line.starts_with("Receiving objects: ")) return;
  const std::size_t open = line.find('(');
  if (open == std::string_view::npos) return;
  const char* const end = line.data() + line.size();
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  const auto counted = std::from_chars(line.data() + open + 1, end, count);
  if (counted.ec != std::errc() || counted.ptr == end || *counted.ptr != '/') return;
  if (std::from_chars(counted.ptr + 1, end, total).ec != std::errc()) return;
  progress_.object_count = count;
  progress_.object_count_total = total;
}

}  // namespace reposfs
