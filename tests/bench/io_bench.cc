// Plain system calls against the I/O engine, over io_uring and over threads.
//
//   io_bench [--benchmark_filter=RE] [--benchmark_format=json]
//
// Each row does the same work by each way, on files in $REPOSFS_BENCH_DIR (or /var/tmp).  Cold rows
// drop the file from the page cache before each round; `resident` is the part that stayed.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file_util.h"
#include "base/file_writer.h"
#include "base/io_engine.h"

namespace reposfs {
namespace {

constexpr std::size_t kMiB = 1u << 20;
constexpr std::size_t kFileSize = 256 * kMiB;
constexpr std::size_t kPageSize = 4096;
constexpr std::size_t kPieceSize = 64u << 10;

// The ways, as rows name them.
enum Way : std::int64_t { kCalls, kUring, kThreads };
const char* const kWayNames[] = {"calls", "io_uring", "threads"};

// Ends the program: a benchmark of failures measures nothing.
template <typename T>
T Must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "io_bench: %s\n", result.error().message.c_str());
  std::exit(1);
}
void Must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "io_bench: %s\n", status.error().message.c_str());
  std::exit(1);
}

std::filesystem::path Directory() {
  const char* chosen = std::getenv("REPOSFS_BENCH_DIR");
  return chosen != nullptr ? chosen : "/var/tmp";
}

// Null for plain calls, or if the way is closed here.
std::unique_ptr<IoEngine> MakeEngine(benchmark::State& state) {
  const auto way = static_cast<Way>(state.range(0));
  state.SetLabel(kWayNames[way]);
  if (way == kCalls) return nullptr;
  auto engine = IoEngine::Create(
      {.choice = way == kThreads ? IoEngineChoice::kThreads : IoEngineChoice::kAuto});
  if (std::string_view(engine->name()) != kWayNames[way]) {
    state.SkipWithError(("refused: " + engine->refusal()).c_str());
  }
  return engine;
}

// A file of random bytes, which neither the disk nor what is below it can compress.
class BigFile {
 public:
  BigFile() : path_(Directory() / "reposfs_io_bench.big") {
    const UniqueFd file = Must(OpenFile(path_, O_RDWR | O_CREAT | O_TRUNC));
    std::vector<std::uint64_t> block(kMiB / sizeof(std::uint64_t));
    std::mt19937_64 random(1);
    for (std::size_t offset = 0; offset < kFileSize; offset += kMiB) {
      std::generate(block.begin(), block.end(), std::ref(random));
      if (::pwrite(file.get(), block.data(), kMiB, static_cast<off_t>(offset)) != kMiB) {
        Must(ErrnoError(errno, "fill " + path_.string()));
      }
    }
    Must(::fsync(file.get()) == 0 ? Status() : ErrnoError(errno, "fsync"));
  }
  ~BigFile() { ::unlink(path_.c_str()); }
  BigFile(const BigFile&) = delete;
  BigFile& operator=(const BigFile&) = delete;

  // Made once: it takes a second.
  static BigFile& Get() {
    static BigFile file;
    return file;
  }

  // A new descriptor: reading ahead starts anew.
  UniqueFd Open() const { return Must(OpenFile(path_, O_RDONLY)); }

  UniqueFd OpenCold() const {
    UniqueFd file = Open();
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    return file;
  }

 private:
  const std::filesystem::path path_;
};

double ResidentPart(const UniqueFd& file) {
  void* memory = ::mmap(nullptr, kFileSize, PROT_READ, MAP_SHARED, file.get(), 0);
  std::vector<unsigned char> pages(kFileSize / kPageSize);
  ::mincore(memory, kFileSize, pages.data());
  ::munmap(memory, kFileSize);
  const auto resident =
      std::count_if(pages.begin(), pages.end(), [](auto page) { return page & 1; });
  return static_cast<double>(resident) / static_cast<double>(pages.size());
}

// Runs `work` once and notes how long it took.
void Time(benchmark::State& state, const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  state.SetIterationTime(took.count());
}

constexpr std::size_t kReadCount = 256;

// Reads `offsets`, one after the other or as one batch.
void ReadAll(IoEngine* engine, const UniqueFd& file, const std::vector<std::uint64_t>& offsets,
             std::size_t size, std::vector<char>& into) {
  if (engine == nullptr) {
    for (const std::uint64_t offset : offsets) {
      benchmark::DoNotOptimize(::pread(file.get(), into.data(), size, static_cast<off_t>(offset)));
    }
    return;
  }
  std::latch done(static_cast<std::ptrdiff_t>(offsets.size()));
  std::vector<IoOperation> batch;
  batch.reserve(offsets.size());
  for (std::size_t index = 0; index < offsets.size(); ++index) {
    batch.push_back(ReadOperation{.fd = file.get(),
                                  .offset = offsets[index],
                                  .into = std::span(into).subspan(index * size, size),
                                  .done = [&done](Result<std::size_t>) { done.count_down(); }});
  }
  engine->Submit(std::move(batch));
  done.wait();
}

void RandomReads(benchmark::State& state, bool cold) {
  const auto engine = MakeEngine(state);
  const auto size = static_cast<std::size_t>(state.range(1));
  std::vector<char> into(kReadCount * size);
  std::mt19937_64 random(2);
  double resident = 0;
  for (auto _ : state) {
    const UniqueFd file = cold ? BigFile::Get().OpenCold() : BigFile::Get().Open();
    if (cold) resident = std::max(resident, ResidentPart(file));
    std::vector<std::uint64_t> offsets(kReadCount);
    for (auto& offset : offsets) offset = random() % (kFileSize / size) * size;
    // Warm is what was read just before.
    if (!cold) ReadAll(nullptr, file, offsets, size, into);
    Time(state, [&] { ReadAll(engine.get(), file, offsets, size, into); });
  }
  if (cold) state.counters["resident"] = resident;
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kReadCount * size));
}

void ColdRandomReads(benchmark::State& state) {
  RandomReads(state, true);
}
void WarmRandomReads(benchmark::State& state) {
  RandomReads(state, false);
}

BENCHMARK(ColdRandomReads)
    ->ArgsProduct({{kCalls, kUring, kThreads}, {4 << 10, 16 << 10, 128 << 10}})
    ->UseManualTime()
    ->MeasureProcessCPUTime();
BENCHMARK(WarmRandomReads)
    ->ArgsProduct({{kCalls, kUring, kThreads}, {4 << 10, 16 << 10, 128 << 10}})
    ->UseManualTime()
    ->MeasureProcessCPUTime();

// One read at a time, whose asker waits: what a single request of the mount is.
void SingleRead(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  const auto size = static_cast<std::size_t>(state.range(1));
  const bool cold = state.range(2) != 0;
  std::vector<char> into(size);
  std::mt19937_64 random(3);
  UniqueFd file = BigFile::Get().Open();
  std::size_t count = 0;
  for (auto _ : state) {
    if (cold && count++ % 64 == 0) file = BigFile::Get().OpenCold();
    const std::vector<std::uint64_t> offsets = {random() % (kFileSize / size) * size};
    if (!cold) ReadAll(nullptr, file, offsets, size, into);
    Time(state, [&] { ReadAll(engine.get(), file, offsets, size, into); });
  }
}
BENCHMARK(SingleRead)
    ->ArgsProduct({{kCalls, kUring, kThreads}, {4 << 10, 128 << 10}, {0, 1}})
    ->UseManualTime()
    ->MeasureProcessCPUTime();

// The whole file, cold, before something scans it.
void Touch(const UniqueFd& file) {
  auto* memory =
      static_cast<const char*>(::mmap(nullptr, kFileSize, PROT_READ, MAP_SHARED, file.get(), 0));
  for (std::size_t offset = 0; offset < kFileSize; offset += kPageSize) {
    // A plain load could be left out.
    static_cast<void>(*static_cast<const volatile char*>(memory + offset));
  }
  ::munmap(const_cast<char*>(memory), kFileSize);
}

void ReadThrough(const UniqueFd& file) {
  std::vector<char> into(kMiB);
  for (std::size_t offset = 0; offset < kFileSize; offset += kMiB) {
    benchmark::DoNotOptimize(::pread(file.get(), into.data(), kMiB, static_cast<off_t>(offset)));
  }
}

// Has `depth` reads of 1 MiB in flight until the end.
void ReadDeep(IoEngine& engine, const UniqueFd& file, std::size_t depth) {
  std::vector<IoBuffer> buffers;
  for (std::size_t index = 0; index < depth; ++index) buffers.push_back(engine.buffers().Lease());
  std::latch done(kFileSize / kMiB);
  std::atomic<std::size_t> next = 0;
  std::function<void(std::size_t)> read = [&](std::size_t index) {
    const std::size_t piece = next++;
    if (piece >= kFileSize / kMiB) return;
    engine.Submit(ReadOperation{.fd = file.get(),
                                .offset = piece * kMiB,
                                .into = buffers[index].bytes(),
                                .done = [&, index](Result<std::size_t>) {
                                  read(index);
                                  done.count_down();
                                }});
  };
  for (std::size_t index = 0; index < depth; ++index) read(index);
  done.wait();
}

void WholeFileCold(benchmark::State& state, const std::function<void(const UniqueFd&)>& work) {
  double resident = 0;
  for (auto _ : state) {
    const UniqueFd file = BigFile::Get().OpenCold();
    resident = std::max(resident, ResidentPart(file));
    Time(state, [&] { work(file); });
  }
  state.counters["resident"] = resident;
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kFileSize));
}

void WholeFileByFaults(benchmark::State& state) {
  WholeFileCold(state, Touch);
}
void WholeFileByPread(benchmark::State& state) {
  WholeFileCold(state, ReadThrough);
}
// WILLNEED brings no more than one window (read_ahead_kb) at a time.
void WholeFileByWillneed(benchmark::State& state) {
  WholeFileCold(state, [](const UniqueFd& file) {
    for (std::size_t offset = 0; offset < kFileSize; offset += kMiB) {
      ::posix_fadvise(file.get(), static_cast<off_t>(offset), kMiB, POSIX_FADV_WILLNEED);
    }
    ReadThrough(file);
  });
}
void WholeFileByEngine(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  WholeFileCold(state, [&](const UniqueFd& file) {
    ReadDeep(*engine, file, static_cast<std::size_t>(state.range(1)));
  });
}
BENCHMARK(WholeFileByFaults)->UseManualTime()->MeasureProcessCPUTime();
BENCHMARK(WholeFileByPread)->UseManualTime()->MeasureProcessCPUTime();
BENCHMARK(WholeFileByWillneed)->UseManualTime()->MeasureProcessCPUTime();
BENCHMARK(WholeFileByEngine)
    ->ArgsProduct({{kUring, kThreads}, {4, 8, 16}})
    ->UseManualTime()
    ->MeasureProcessCPUTime();

// A stream to the disk, in the pieces in which it arrives, then fsync().  With `parsed` each piece
// is also read through, as by somebody who parses it.
void StreamToDisk(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  const bool parsed = state.range(1) != 0;
  const std::filesystem::path path = Directory() / "reposfs_io_bench.stream";
  std::vector<char> piece(kPieceSize);
  std::mt19937_64 random(4);
  for (char& byte : piece) byte = static_cast<char>(random());
  const auto parse = [&] {
    std::uint64_t sum = 0;
    for (const char byte : piece) sum = sum * 31 + static_cast<unsigned char>(byte);
    benchmark::DoNotOptimize(sum);
  };
  for (auto _ : state) {
    UniqueFd file = Must(OpenFile(path, O_RDWR | O_CREAT | O_TRUNC));
    Time(state, [&] {
      if (!engine) {
        for (std::size_t size = 0; size < kFileSize; size += kPieceSize) {
          if (parsed) parse();
          benchmark::DoNotOptimize(::write(file.get(), piece.data(), piece.size()));
        }
        ::fsync(file.get());
        return;
      }
      FileWriter writer(*engine, std::move(file));
      for (std::size_t size = 0; size < kFileSize; size += kPieceSize) {
        if (parsed) parse();
        Must(writer.Append(piece));
      }
      Must(writer.Finish());
    });
    ::unlink(path.c_str());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kFileSize));
}
BENCHMARK(StreamToDisk)
    ->ArgsProduct({{kCalls, kUring, kThreads}, {0, 1}})
    ->UseManualTime()
    ->MeasureProcessCPUTime();

// Many small files in one directory.
class ManyFiles {
 public:
  static constexpr std::size_t kCount = 1000;

  ManyFiles() : path_(Directory() / "reposfs_io_bench.many") {
    Must(RemoveTree(path_));
    Must(MakeDirectories(path_));
    for (std::size_t index = 0; index < kCount; ++index) {
      Must(OpenFile(Name(index), O_WRONLY | O_CREAT));
    }
  }
  ~ManyFiles() { Must(RemoveTree(path_)); }
  ManyFiles(const ManyFiles&) = delete;
  ManyFiles& operator=(const ManyFiles&) = delete;

  std::string Name(std::size_t index) const { return path_ / ("file" + std::to_string(index)); }

  // Does `call` for each, or submits `operation` of each as one batch.
  void ForEach(IoEngine* engine, const std::function<void(const char*)>& call,
               const std::function<IoOperation(std::string, std::latch&)>& operation) const {
    if (engine == nullptr) {
      for (std::size_t index = 0; index < kCount; ++index) call(Name(index).c_str());
      return;
    }
    std::latch done(kCount);
    std::vector<IoOperation> batch;
    batch.reserve(kCount);
    for (std::size_t index = 0; index < kCount; ++index) {
      batch.push_back(operation(Name(index), done));
    }
    engine->Submit(std::move(batch));
    done.wait();
  }

 private:
  const std::filesystem::path path_;
};

void StatMany(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  const ManyFiles files;
  const auto call = [](const char* name) {
    struct statx info {};
    benchmark::DoNotOptimize(::statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, &info));
  };
  const auto operation = [](std::string name, std::latch& done) -> IoOperation {
    return StatOperation{.path = std::move(name),
                         .done = [&done](const Result<struct statx>&) { done.count_down(); }};
  };
  for (auto _ : state) {
    Time(state, [&] { files.ForEach(engine.get(), call, operation); });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ManyFiles::kCount));
}

void OpenMany(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  const ManyFiles files;
  const auto call = [](const char* name) { UniqueFd(::open(name, O_RDONLY | O_CLOEXEC)); };
  const auto operation = [](std::string name, std::latch& done) -> IoOperation {
    return OpenOperation{.path = std::move(name),
                         .flags = O_RDONLY,
                         .done = [&done](const Result<UniqueFd>&) { done.count_down(); }};
  };
  for (auto _ : state) {
    Time(state, [&] { files.ForEach(engine.get(), call, operation); });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ManyFiles::kCount));
}

void UnlinkMany(benchmark::State& state) {
  const auto engine = MakeEngine(state);
  const auto call = [](const char* name) { ::unlink(name); };
  const auto operation = [](std::string name, std::latch& done) -> IoOperation {
    return UnlinkOperation{.path = std::move(name),
                           .done = [&done](const Status&) { done.count_down(); }};
  };
  for (auto _ : state) {
    const ManyFiles files;
    Time(state, [&] { files.ForEach(engine.get(), call, operation); });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ManyFiles::kCount));
}
BENCHMARK(StatMany)->DenseRange(kCalls, kThreads)->UseManualTime()->MeasureProcessCPUTime();
BENCHMARK(OpenMany)->DenseRange(kCalls, kThreads)->UseManualTime()->MeasureProcessCPUTime();
BENCHMARK(UnlinkMany)->DenseRange(kCalls, kThreads)->UseManualTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace reposfs

BENCHMARK_MAIN();
