#include "cache/history_reader.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>

#include "base/text.h"
#include "base/thread_pool.h"
#include "cache/git_command.h"
#include "cache/numstat_parser.h"

namespace reposfs {
namespace {

// So many commits by one child: to start one takes 5 ms, and what it does not share with the others
// is a few trees.  What was handed on is not lost if the rest fails.
constexpr std::size_t kShareCommitCount = 4'096;
constexpr std::size_t kShareCommitCountMin = 64;
constexpr std::size_t kSharesPerChildMin = 4;
constexpr std::size_t kChildCountMax = 8;
// What is handed on at once.
constexpr std::size_t kBatchCommitCount = 1'000;
constexpr std::size_t kBatchFileCount = 10'000;
constexpr std::size_t kLineMaxBytes = 16'384;

// Calls `on_part` for each part that `separator` ends; keeps the rest, at most kLineMaxBytes of it.
class PartReader {
 public:
  PartReader(char separator, std::function<Status(std::string_view)> on_part)
      : separator_(separator), on_part_(std::move(on_part)) {}

  Status Feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find(separator_);
      rest_ += bytes.substr(0, std::min(end, kLineMaxBytes - rest_.size()));
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      if (auto taken = on_part_(rest_); !taken) return taken;
      rest_.clear();
    }
    return {};
  }

 private:
  const char separator_;
  const std::function<Status(std::string_view)> on_part_;
  std::string rest_;
};

// "Name <email>", as in a commit.
Identity ParseIdentity(std::string_view line) {
  const std::size_t open = line.find('<');
  if (open == std::string_view::npos) return Identity{std::string(line), ""};
  std::string_view name = line.substr(0, open);
  if (name.ends_with(' ')) name.remove_suffix(1);
  std::string_view email = line.substr(open + 1);
  if (email.ends_with('>')) email.remove_suffix(1);
  return Identity{std::string(name), std::string(email)};
}

// "<mode> <type> <oid> <size>\t<path>", where the size is padded, and "-" for a submodule.
std::optional<TipEntry> ParseTipEntry(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(line.substr(0, tab), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (words.size() != 4) return std::nullopt;
  const auto oid = Oid::FromHex(words[2]);
  if (!oid) return std::nullopt;
  TipEntry entry{std::string(words[0]), *oid, 0, std::string(line.substr(tab + 1))};
  std::from_chars(words[3].data(), words[3].data() + words[3].size(), entry.size_bytes);
  return entry;
}

// Collects commits until there are enough of them to be handed on.
class Batch {
 public:
  explicit Batch(const HistoryReader::OnCommits& on_commits) : on_commits_(on_commits) {}

  Status Add(CommitFacts commit) {
    file_count_ += commit.files.size();
    commits_.push_back(std::move(commit));
    const bool full = commits_.size() >= kBatchCommitCount || file_count_ >= kBatchFileCount;
    return full ? Flush() : Status();
  }
  Status Flush() {
    file_count_ = 0;
    return commits_.empty() ? Status() : on_commits_(std::exchange(commits_, {}));
  }

 private:
  const HistoryReader::OnCommits& on_commits_;
  std::vector<CommitFacts> commits_;
  std::size_t file_count_ = 0;
};

}  // namespace

Result<HistoryReader> HistoryReader::Open(const std::filesystem::path& scratch,
                                          const StoreDirectory& store, FetchOptions limits,
                                          std::function<Status()> keep_going) {
  auto staging = Staging::Create(scratch, store, {});
  if (!staging) return std::move(staging).error();
  return HistoryReader(std::move(*staging), std::move(limits), std::move(keep_going));
}

HistoryReader::HistoryReader(Staging scratch, FetchOptions limits,
                             std::function<Status()> keep_going)
    : scratch_(std::move(scratch)),
      limits_(std::move(limits)),
      guard_(std::make_unique<Guard>()),
      shallow_(scratch_.shallow_before()) {
  MutexLock lock(guard_->mutex);
  guard_->keep_going = std::move(keep_going);
}

ProcessOptions HistoryReader::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "--git-dir=" + scratch_.path().string());
  ProcessOptions options = GitCommand(std::move(arguments), limits_, nullptr);
  // What is found is kept for ever, so nothing that may change has a say in it.
  std::erase_if(options.environment, [](const std::string& variable) {
    return variable.starts_with("HOME=") || variable.starts_with("XDG_CONFIG_HOME=") ||
           variable.starts_with("GIT_CONFIG_GLOBAL=");
  });
  options.environment.insert(
      options.environment.end(),
      {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1",
       "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
       // The empty tree: since git 2.43 a bare repository has the attributes of its HEAD.
       "GIT_ATTR_SOURCE=4b825dc642cb6eb9a060e54bf8d69288fbee4904"});
  options.supervise = [guard = guard_.get()] {
    MutexLock lock(guard->mutex);
    return guard->keep_going();
  };
  return options;
}

Result<bool> HistoryReader::Run(
    ProcessOptions options, std::string_view input,
    const std::function<Result<bool>(std::string_view)>& on_output) const {
  const std::string what = options.argv[2];
  auto process = Process::Start(std::move(options));
  if (!process) return std::move(process).error();
  if (!input.empty()) {
    if (auto written = process->Write(input); !written) return std::move(written).error();
  }
  process->CloseInput();
  while (true) {
    auto output = process->Read();
    if (!output) return std::move(output).error();
    if (output->empty()) break;
    auto more = on_output(*output);
    if (!more) return std::move(more).error();
    if (!*more) return false;
  }
  auto result = process->Wait();
  if (!result) return std::move(result).error();
  if (!result->ok()) return GitFailure(*result, "git " + what);
  return true;
}

Result<std::vector<Oid>> HistoryReader::Reachable(const Oid& tip) {
  std::vector<Oid> commits;
  PartReader lines('\n', [&](std::string_view line) -> Status {
    const auto oid = Oid::FromHex(line);
    if (!oid) return Error{Errc::kCorrupt, "git rev-list: not understood: " + Printable(line)};
    if (shallow_.contains(*oid)) {
      return Error{Errc::kUnsupported, "the history of " + tip.Hex() + " is not whole"};
    }
    if (commits.size() >= kCommitCountMax) {
      return Error{Errc::kUnsupported,
                   "the history is longer than " + std::to_string(kCommitCountMax) + " commits"};
    }
    commits.push_back(*oid);
    return {};
  });
  auto walked =
      Run(Command({"rev-list", tip.Hex()}), "", [&](std::string_view output) -> Result<bool> {
        if (auto fed = lines.Feed(output); !fed) return std::move(fed).error();
        return true;
      });
  if (!walked) return std::move(walked).error();
  return commits;
}

Status HistoryReader::ReadShare(const Oid* begin, const Oid* end,
                                const OnCommits& on_commits) const {
  std::string input;
  input.reserve(static_cast<std::size_t>(end - begin) * (Oid::kHexSize + 1));
  for (const Oid* oid = begin; oid != end; ++oid) input += oid->Hex() + "\n";
  Batch batch(on_commits);
  NumstatParser parser([&](CommitFacts commit) { return batch.Add(std::move(commit)); });
  // In the order in which rev-list told them, where neighbours have most of their trees in common.
  auto read = Run(Command({"log", "-z", "--numstat", "--date=raw", NumstatParser::kLogFormat,
                           "--no-walk=unsorted", "--stdin"}),
                  input, [&](std::string_view output) -> Result<bool> {
                    if (auto fed = parser.Feed(output); !fed) return std::move(fed).error();
                    return true;
                  });
  if (!read) return std::move(read).error();
  if (auto finished = parser.Finish(); !finished) return finished;
  return batch.Flush();
}

Status HistoryReader::ReadCommits(const std::vector<Oid>& commits, const OnCommits& on_commits) {
  const std::size_t child_count =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kChildCountMax);
  // A short list is shared out, too, so that the children end at about the same time.
  const std::size_t share = std::clamp<std::size_t>(
      commits.size() / (child_count * kSharesPerChildMin), kShareCommitCountMin, kShareCommitCount);
  std::atomic<std::size_t> next{0};
  Mutex mutex;
  Status failure;  // The first one; guarded by `mutex`.
  std::atomic<bool> failed{false};
  const auto work = [&] {
    while (!failed) {
      // The oldest first: where a history begins with an import, that commit takes the longest.
      const std::size_t done = next.fetch_add(share);
      if (done >= commits.size()) return;
      const std::size_t end = commits.size() - done;
      const std::size_t begin = end - std::min(share, end);
      Status read = ReadShare(commits.data() + begin, commits.data() + end, on_commits);
      if (read) continue;
      MutexLock lock(mutex);
      if (!failed.exchange(true)) failure = std::move(read);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(child_count, (commits.size() + share - 1) / share); ++i) {
    threads.emplace_back([&] {
      SetThreadName("insights-git");
      work();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failure;
}

Result<std::vector<Identity>> HistoryReader::Canonical(const Oid& tip,
                                                       const std::vector<Identity>& people) {
  std::string input;
  for (const Identity& person : people) input += person.name + " <" + person.email + ">\n";
  std::vector<Identity> canonical;
  PartReader lines('\n', [&](std::string_view line) -> Status {
    canonical.push_back(ParseIdentity(line));
    return {};
  });
  if (people.empty()) return canonical;
  auto mapped = Run(Command({"-c", "mailmap.blob=" + tip.Hex() + ":.mailmap", "-c",
                             "mailmap.file=", "check-mailmap", "--stdin"}),
                    input, [&](std::string_view output) -> Result<bool> {
                      if (auto fed = lines.Feed(output); !fed) return std::move(fed).error();
                      return true;
                    });
  if (!mapped) return std::move(mapped).error();
  if (canonical.size() != people.size()) {
    return Error{Errc::kCorrupt, "git check-mailmap did not answer for everybody"};
  }
  return canonical;
}

Result<bool> HistoryReader::ListTip(const Oid& tip, const std::function<void(TipEntry)>& on_entry) {
  std::size_t count = 0;
  PartReader lines('\0', [&](std::string_view line) -> Status {
    if (++count > kTipEntryCountMax) return {};
    auto entry = ParseTipEntry(line);
    if (!entry) return Error{Errc::kCorrupt, "git ls-tree: not understood: " + Printable(line)};
    on_entry(std::move(*entry));
    return {};
  });
  return Run(Command({"ls-tree", "-r", "-l", "-z", "--full-tree", tip.Hex()}), "",
             [&](std::string_view output) -> Result<bool> {
               if (auto fed = lines.Feed(output); !fed) return std::move(fed).error();
               return count <= kTipEntryCountMax;
             });
}

}  // namespace reposfs
