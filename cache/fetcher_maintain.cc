// What makes a repository that is here quicker to read.
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/file_util.h"
#include "cache/fetcher.h"
#include "cache/git_command.h"
#include "cache/pack.h"
#include "cache/pack_sizes.h"
#include "cache/staging.h"

namespace reposfs {
namespace {

// Tidying waits so long for transfers of the same repository to end.
constexpr milliseconds kOthersPatience = std::chrono::seconds(5);
constexpr milliseconds kAskOthersEvery(50);

}  // namespace

Result<std::optional<Inventory>> Fetcher::AwaitInventory(Repository& repository,
                                                         const TransferControl& control) const {
  const auto deadline = std::chrono::steady_clock::now() + kOthersPatience;
  while (true) {
    std::optional<Inventory> inventory;
    Status looked = repository.ChangeDirectory([&]() -> Status {
      auto found = InventoryOf(repository, catalog_, control.job);
      if (!found) return std::move(found).error();
      inventory = std::move(*found);
      return {};
    });
    if (!looked) return std::move(looked).error();
    if (inventory || std::chrono::steady_clock::now() > deadline) return inventory;
    if (auto going = control.on_progress(FetchProgress{}); !going) return std::move(going).error();
    std::this_thread::sleep_for(kAskOthersEvery);
  }
}

Status Fetcher::Maintain(Repository& repository, const TransferControl& control) {
  auto before = AwaitInventory(repository, control);
  if (!before) return std::move(before).error();
  if (!*before) return {};  // Whoever is changing it will ask for this again.
  if (!(*before)->HasContent()) return {};
  // Consolidation keeps what these lead to, and nothing else.
  const std::vector<Oid> kept = (*before)->Kept();
  repository.objects().Refresh();  // Another process may have brought some.
  if (kept.empty() || !repository.objects().Missing(kept).empty()) {
    return Error{Errc::kCorrupt, "not consolidated: a branch or tag is missing"};
  }
  const bool complete = (*before)->stage == Stage::kComplete;
  const StoreDirectory& directory = repository.directory();
  const bool many = directory.PackStems().size() > 1;
  auto staging = Staging::Create(control.staging, directory, kept);
  if (!staging) return std::move(staging).error();
  const std::string git_dir = "--git-dir=" + control.staging.string();
  std::vector<std::vector<std::string>> commands;
  if (many) {
    commands.push_back({git_dir, "-c", "pack.windowMemory=256m", "repack", "-a", "-q"});
  }
  if (complete)
    commands.push_back({git_dir, "commit-graph", "write", "--reachable", "--changed-paths"});
  for (const auto& arguments : commands) {
    ProcessOptions options = GitCommand(arguments, limits_, nullptr);
    options.supervise = [&] {
      FetchProgress progress;
      progress.received_bytes = DiskUsageBytes(control.staging / "objects");
      progress.replaced_bytes = repository.size_bytes();
      return control.on_progress(progress);
    };
    auto result = RunProcess(options);
    if (!result) return std::move(result).error();
    if (!result->ok()) return GitFailure(*result, "maintain " + repository.key().Text());
  }
  if (many) {
    if (StoreDirectory(control.staging).PackStems().empty()) {
      return Error{Errc::kCorrupt, "not consolidated: git made no pack"};
    }
  }
  auto adopted = Adopt(repository, *staging, [&]() -> Result<std::vector<std::string>> {
    if (!many) return std::vector<std::string>();
    auto now = InventoryOf(repository, catalog_, control.job);
    if (!now) return std::move(now).error();
    // What has come meanwhile may lean on what is not needed otherwise.
    const bool as_before =
        *now && (*now)->stage == (*before)->stage && (*now)->Kept() == (*before)->Kept();
    return as_before ? std::move((*before)->packs) : std::vector<std::string>();
  });
  if (!adopted) return adopted;
  if (auto added = AddSizes(repository, control); !added) return added;
  return Report(repository, repository.stage());
}

Status Fetcher::AddSizes(Repository& repository, const TransferControl& control) {
  const std::filesystem::path packs = repository.directory().packs();
  bool any = false;
  for (const std::string& stem : repository.directory().PackStems()) {
    const auto pack = Pack::Open(packs, stem);
    if (!pack) return pack.error();
    if (!(*pack)->lacks_sizes()) continue;
    const auto sizes = ReadAllSizes(**pack, [&] { return control.on_progress(FetchProgress{}); });
    if (!sizes) return sizes.error();
    const std::filesystem::path path = packs / (stem + std::string(kPackSizesSuffix));
    if (auto written = WritePackSizes(path, *sizes, (*pack)->index().pack_checksum()); !written) {
      return written;
    }
    any = true;
  }
  if (any) repository.objects().Refresh();
  return {};
}

}  // namespace reposfs
