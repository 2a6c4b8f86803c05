// Indexes a pack with `git index-pack` and with PackIndexer, in turn, and prints the seconds.
//
//   indexer_bench [--runs N] [--rate MEGABYTES_PER_SECOND] [--no-check] PACKFILE [DIRECTORY]
//
// Both get the bytes as they would arrive: git through a pipe, PackIndexer in pieces as a transfer
// delivers them, at `--rate` if that is given.  git checks objects (--strict with the severities
// that fetches use) unless `--no-check`; PackIndexer always does.  Prints one line of JSON:
//
//   {"git": [wall...], "own": [wall...], "gitCpu": [...], "ownCpu": [...]}
//
// DIRECTORY is where the scratch repositories are made; the default is the temporary directory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file_util.h"
#include "cache/pack_indexer.h"

namespace reposfs {
namespace {

using Clock = std::chrono::steady_clock;

// The size of a packet of git's protocol.
constexpr std::size_t kPieceBytes = 65515;

constexpr char kStrict[] =
    "--strict=badTimezone=ignore,missingSpaceBeforeDate=ignore,zeroPaddedFilemode=ignore,"
    "badEmail=ignore,missingEmail=ignore,badDate=ignore,zeroPaddedDate=ignore,badName=ignore,"
    "missingNameBeforeEmail=ignore,missingSpaceBeforeEmail=ignore,nulInCommit=ignore,"
    "duplicateEntries=ignore,treeNotSorted=ignore,badFilemode=ignore,gitmodulesUrl=ignore,"
    "gitmodulesMissing=ignore,gitmodulesName=ignore,gitmodulesPath=ignore";

struct Settings {
  std::string pack;
  std::filesystem::path directory = std::filesystem::temp_directory_path();
  int run_count = 5;
  double bytes_per_second = 0;  // 0: no limit.
  bool check = true;
};

struct Cost {
  double wall_s;
  double cpu_s;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "indexer_bench: %s\n", why.c_str());
  std::exit(1);
}

double CpuSeconds(int who) {
  struct rusage usage {};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Deliver(std::string_view pack, const Settings& settings,
             const std::function<void(std::string_view)>& add) {
  const auto begin = Clock::now();
  for (std::size_t at = 0; at < pack.size(); at += kPieceBytes) {
    if (settings.bytes_per_second > 0) {
      std::this_thread::sleep_until(
          begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                      static_cast<double>(at) / settings.bytes_per_second)));
    }
    add(pack.substr(at, kPieceBytes));
  }
}

void RunGit(std::string_view pack, const Settings& settings,
            const std::filesystem::path& repository) {
  const std::string command = "git -C '" + repository.string() +
                              "' index-pack --stdin --fix-thin --rev-index " +
                              (settings.check ? kStrict : "") + " >/dev/null";
  std::FILE* const pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) Die("popen");
  Deliver(pack, settings, [&](std::string_view piece) {
    while (!piece.empty()) {
      const ssize_t written = ::write(::fileno(pipe), piece.data(), piece.size());
      if (written <= 0) Die("git went away");
      piece.remove_prefix(static_cast<std::size_t>(written));
    }
  });
  if (::pclose(pipe) != 0) Die("git index-pack failed");
}

void RunOwn(std::string_view pack, const Settings& settings,
            const std::filesystem::path& repository) {
  static const std::unique_ptr<IoEngine> engine = IoEngine::Create({});
  PackIndexerOptions options;
  options.engine = engine.get();
  options.directory = repository / "objects" / "pack";
  auto indexer = PackIndexer::Create(options);
  if (!indexer) Die(indexer.error().message);
  Deliver(pack, settings, [&](std::string_view piece) {
    if (auto added = (*indexer)->Add(piece); !added) Die(added.error().message);
  });
  if (auto finished = (*indexer)->Finish(); !finished) Die(finished.error().message);
}

Cost Measure(int who, const std::function<void()>& run) {
  const double cpu_before = CpuSeconds(who);
  const auto begin = Clock::now();
  run();
  const std::chrono::duration<double> wall = Clock::now() - begin;
  return Cost{wall.count(), CpuSeconds(who) - cpu_before};
}

std::string Numbers(const std::vector<Cost>& costs, double Cost::*member) {
  std::string text;
  for (const Cost& cost : costs) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.3f", text.empty() ? "" : ", ", cost.*member);
    text += number;
  }
  return "[" + text + "]";
}

Settings Parse(int argc, char** argv) {
  Settings settings;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--no-check") {
      settings.check = false;
    } else if (word == "--runs" && i + 1 < argc) {
      settings.run_count = std::atoi(argv[++i]);
    } else if (word == "--rate" && i + 1 < argc) {
      settings.bytes_per_second = std::atof(argv[++i]) * 1e6;
    } else {
      words.push_back(word);
    }
  }
  if (words.empty() || words.size() > 2 || words[0].starts_with("-")) {
    Die("usage: indexer_bench [--runs N] [--rate MB/S] [--no-check] PACKFILE [DIRECTORY]");
  }
  settings.pack = words[0];
  if (words.size() == 2) settings.directory = words[1];
  return settings;
}

int Main(int argc, char** argv) {
  const Settings settings = Parse(argc, argv);
  auto fd = OpenFile(settings.pack, O_RDONLY);
  if (!fd) Die(fd.error().message);
  const std::size_t size = std::filesystem::file_size(settings.pack);
  const void* const map =
      ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd->get(), 0);
  if (map == MAP_FAILED) Die("mmap");
  const std::string_view pack(static_cast<const char*>(map), size);

  std::vector<Cost> git;
  std::vector<Cost> own;
  const std::filesystem::path scratch =
      settings.directory / ("indexer_bench." + std::to_string(::getpid()));
  for (int run = 0; run < settings.run_count; ++run) {
    for (const bool with_git : {true, false}) {
      std::filesystem::remove_all(scratch);
      if (std::system(("git init -q --bare '" + scratch.string() + "'").c_str()) != 0) Die("git");
      if (with_git) {
        git.push_back(Measure(RUSAGE_CHILDREN, [&] { RunGit(pack, settings, scratch); }));
      } else {
        own.push_back(Measure(RUSAGE_SELF, [&] { RunOwn(pack, settings, scratch); }));
      }
    }
  }
  std::filesystem::remove_all(scratch);
  std::printf("{\"git\": %s, \"own\": %s, \"gitCpu\": %s, \"ownCpu\": %s}\n",
              Numbers(git, &Cost::wall_s).c_str(), Numbers(own, &Cost::wall_s).c_str(),
              Numbers(git, &Cost::cpu_s).c_str(), Numbers(own, &Cost::cpu_s).c_str());
  return 0;
}

}  // namespace
}  // namespace reposfs

int main(int argc, char** argv) {
  return reposfs::Main(argc, argv);
}
