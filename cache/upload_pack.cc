#include "cache/upload_pack.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/file_util.h"
#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cache/pkt_line.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

// One thread and little memory for each client: packs hold nearly every delta already.
constexpr char kConfig[] =
    "[core]\n"
    "\trepositoryformatversion = 0\n"
    "\tbare = true\n"
    "\thooksPath = /dev/null\n"
    "\talternateRefsCommand = true\n"
    "[uploadpack]\n"
    "\tallowFilter = true\n"
    "\tallowAnySHA1InWant = true\n"
    "\tkeepAlive = 5\n"
    "[pack]\n"
    "\tthreads = 1\n"
    "\twindowMemory = 64m\n"
    "\tdeltaCacheSize = 64m\n";

// A git directory that shows a repository of the cache as its upstream shows itself.
class UploadDirectory {
 public:
  static Result<UploadDirectory> Create(const stdfs::path& path, const Repository& repository) {
    if (auto made = MakeDirectories(path / "refs"); !made) return std::move(made).error();
    UploadDirectory directory(path);
    const StoreDirectory& store = repository.directory();
    const RefSnapshotPtr refs = repository.refs();
    const std::pair<const char*, std::string> files[] = {
        {"config", kConfig},
        {"HEAD", Head(refs.get())},
        {"packed-refs", PackedRefs(repository, refs.get())},
        {"shallow", SerializeShallow(store.Shallow())},
    };
    for (const auto& [name, content] : files) {
      if (content.empty()) continue;
      if (auto written = WriteFile(path / name, content); !written) {
        return std::move(written).error();
      }
    }
    std::error_code error;
    stdfs::create_directory_symlink(stdfs::absolute(store.objects()), path / "objects", error);
    if (error) return ErrnoError(error.value(), "prepare " + path.string());
    return directory;
  }

  UploadDirectory(UploadDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  UploadDirectory& operator=(UploadDirectory&&) = delete;
  // What can't be removed now is removed at the next start.
  ~UploadDirectory() {
    if (!path_.empty()) static_cast<void>(RemoveTree(path_));
  }

 private:
  explicit UploadDirectory(stdfs::path path) : path_(std::move(path)) {}

  static std::string Head(const RefSnapshot* refs) {
    const bool detached = refs != nullptr && refs->head_branch().empty() && !refs->head().IsNull();
    if (detached) return refs->head().Hex() + "\n";
    const bool named = refs != nullptr && !refs->head_branch().empty();
    return "ref: " + (named ? refs->head_branch() : "refs/heads/none") + "\n";
  }

  // Before the history has come, few of the refs lead to anything.
  static std::string PackedRefs(const Repository& repository, const RefSnapshot* refs) {
    std::string text = "# pack-refs with: peeled fully-peeled sorted \n";
    if (refs == nullptr) return text;
    const bool complete = repository.stage() == Stage::kComplete;
    for (const Ref& ref : refs->refs()) {
      if (!complete && !repository.objects().Contains(ref.object)) continue;
      text += ref.object.Hex() + " " + ref.name + "\n";
      if (!ref.peeled.IsNull()) text += "^" + ref.peeled.Hex() + "\n";
    }
    return text;
  }

  stdfs::path path_;  // Empty: moved away.
};

bool WantsAll(const RefSnapshot& refs, const FetchArguments& asked) {
  const std::unordered_set<Oid, OidHash> wants(asked.wants.begin(), asked.wants.end());
  return std::all_of(refs.refs().begin(), refs.refs().end(),
                     [&](const Ref& ref) { return wants.contains(ref.object); }) &&
         (refs.head().IsNull() || wants.contains(refs.head()));
}

// The pack that is all of a complete repository, open; nothing if there is no such pack.
std::optional<UniqueFd> OpenOnlyPack(const Repository& repository) {
  if (repository.stage() != Stage::kComplete || !repository.directory().Shallow().empty()) {
    return std::nullopt;
  }
  const std::vector<std::string> stems = repository.directory().PackStems();
  if (stems.size() != 1) return std::nullopt;
  auto pack = OpenFile(repository.directory().packs() / (stems.front() + ".pack"), O_RDONLY);
  if (!pack) return std::nullopt;  // Replaced just now.
  ::posix_fadvise(pack->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::move(*pack);
}

// The pack that is the whole answer, open; nothing if there is no such pack.
std::optional<UniqueFd> OpenWholePack(const Repository& repository, const UploadRequest& request) {
  if (request.version != UploadVersion::kTwo || !request.fetch) return std::nullopt;
  const FetchArguments& asked = *request.fetch;
  const bool plain = asked.done && asked.ofs_delta && asked.have_count == 0 && !asked.depth &&
                     !asked.other_depth && !asked.filter && !asked.is_shallow;
  const RefSnapshotPtr refs = repository.refs();
  if (!plain || !refs || !WantsAll(*refs, asked)) return std::nullopt;
  return OpenOnlyPack(repository);
}

// Fills `into` from `fd`; less, and at last nothing, at its end.
Result<std::size_t> ReadSome(int fd, std::span<char> into) {
  while (true) {
    const ssize_t size = ::read(fd, into.data(), into.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return ErrnoError(errno, "read a pack");
  }
}

// Sends the pack `fd` as the answer of version 2: one section, in packets of band 1.
Status SendPack(int fd, const UploadSink& sink) {
  constexpr std::size_t kBandHeaderBytes = 5;
  constexpr std::size_t kPacketsAtOnce = 8;
  std::string out;
  AppendPkt("packfile\n", out);
  std::string packet(kPktMaxBytes - kBandHeaderBytes + 1, '\x01');
  while (true) {
    for (std::size_t i = 0; i < kPacketsAtOnce; ++i) {
      const auto size = ReadSome(fd, std::span(packet).subspan(1));
      if (!size) return size.error();
      if (*size == 0) {
        AppendFlush(out);
        return sink.put(out);
      }
      AppendPkt(std::string_view(packet).substr(0, *size + 1), out);
    }
    if (auto put = sink.put(out); !put) return put;
    out.clear();
  }
}

ProcessOptions UploadPackCommand(const stdfs::path& directory, UploadVersion version,
                                 const UploadLimits& limits, const UploadSink& sink) {
  ProcessOptions options;
  options.argv = {"git", "upload-pack", "--strict", "--stateless-rpc", directory.string()};
  const char* path = std::getenv("PATH");
  // Nobody's configuration: it could name programs.
  options.environment = {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"),
                         "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
                         "GIT_NO_LAZY_FETCH=1"};
  if (version == UploadVersion::kTwo) options.environment.push_back("GIT_PROTOCOL=version=2");
  options.memory_max_bytes = limits.memory_bytes;
  options.timeout = limits.timeout;
  options.supervise = sink.keep_going;
  return options;
}

// Runs upload-pack on `input`, and passes on what it says.
Status RunUploadPack(ProcessOptions options, std::string_view input, const UploadSink& sink) {
  auto process = Process::Start(std::move(options));
  if (!process) return std::move(process).error();
  if (auto written = process->Write(input); !written) return std::move(written).error();
  process->CloseInput();
  while (true) {
    auto said = process->Read();
    if (!said) return std::move(said).error();
    if (said->empty()) break;
    if (auto put = sink.put(*said); !put) return put;
  }
  auto result = process->Wait();
  if (!result) return std::move(result).error();
  if (result->ok()) return {};
  return Error{Errc::kIo, "git upload-pack failed: " + Printable(result->errors)};
}

}  // namespace

Status AnswerUpload(const Repository& repository, const UploadRequest& request,
                    std::string_view body, const stdfs::path& scratch, const UploadLimits& limits,
                    const UploadSink& sink) {
  if (auto pack = OpenWholePack(repository, request)) return SendPack(pack->get(), sink);
  auto directory = UploadDirectory::Create(scratch, repository);
  if (!directory) return std::move(directory).error();
  const std::string input =
      WithoutUnknownHaves(body, [&](const Oid& id) { return repository.objects().Contains(id); });
  return RunUploadPack(UploadPackCommand(scratch, request.version, limits, sink), input, sink);
}

Status SendBundle(const Repository& repository, const UploadSink& sink) {
  constexpr std::size_t kPieceBytes = 512u << 10;
  const RefSnapshotPtr refs = repository.refs();
  const auto pack = refs ? OpenOnlyPack(repository) : std::nullopt;
  if (!pack) {
    return Error{Errc::kNotFound, repository.key().Text() + " is not here in one piece; clone it"};
  }
  std::string out = "# v2 git bundle\n";
  if (!refs->head().IsNull()) out += refs->head().Hex() + " HEAD\n";
  for (const Ref& ref : refs->refs()) out += ref.object.Hex() + " " + ref.name + "\n";
  out += "\n";
  std::string piece(kPieceBytes, '\0');
  while (true) {
    if (auto put = sink.put(out); !put) return put;
    const auto size = ReadSome(pack->get(), piece);
    if (!size) return size.error();
    if (*size == 0) return {};
    out.assign(piece, 0, *size);
  }
}

}  // namespace reposfs
