// The work of bringing a repository from one stage to the next, one call a transfer.
//
// A Fetcher knows what to ask the source for, checks what came, moves it into the repository's
// directory, and reports it to the catalog.  It does not know when, in what order or on whose
// behalf: that is RepositoryCache's.
//
// Thread-safety: calls may run at the same time, also for the same repository: what two of them
// bring is adopted one after the other.  Every call blocks on the network.
//
// Errors of every call: those of Transport and Catalog, and of `control.on_progress`.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/catalog.h"
#include "cache/host_ledger.h"
#include "cache/inventory.h"
#include "cache/repository.h"
#include "cache/source_round.h"
#include "cache/transport.h"

namespace reposfs {

class Staging;

// Where one transfer puts its files, and who watches it.
struct TransferControl {
  std::filesystem::path staging;
  // Called about 20 times a second; a failure ends the transfer.
  std::function<Status(const FetchProgress&)> on_progress;
  std::int64_t job = 0;           // Whose work this is.
  ObjectListener on_object = {};  // As in FetchRequest.
};

class Fetcher {
 public:
  // `tell_others` returns when other processes know of the packs that have come: those that they
  // replace are about to go.
  Fetcher(const Origin& origin, Transport& transport, FetchOptions limits, Catalog& catalog,
          HostLedger& ledger, const Clock& clock,
          std::function<void(const Repository&)> tell_others);

  // Asks what branches and tags there are; of a peer it is enough to know what they were `age_max`
  // ago.
  Result<ListedRefs> ListRefs(const RepositoryKey& key, Wanted wanted, milliseconds age_max,
                              const std::function<Status()>& keep_going) {
    return sources_.ListRefs(key, wanted, age_max, keep_going);
  }

  // kAbsent -> kTip of the commit that `want` is or, if it is an annotated tag, points at; returns
  // that commit.
  Result<Oid> FetchTip(Repository& repository, const Oid& want, const TransferControl& control);

  // kTip -> kContent of `commit`.
  Status FetchContent(Repository& repository, const Oid& commit, const TransferControl& control);

  // kTip or kContent -> kComplete of the repository, as its refs() say.
  Status FetchHistory(Repository& repository, const TransferControl& control);

  // Makes the repository show `listed`, which has just been told, whatever has to be fetched for
  // that at its stage; but never what is older than what it shows, then or when that has come.  May
  // run beside itself for the same repository.
  Status Update(Repository& repository, const ListedRefs& listed, const TransferControl& control);

  // Brings single blobs.
  Status FetchBlobs(Repository& repository, const std::vector<Oid>& blobs,
                    const TransferControl& control);

  // Makes one pack of many, the commit-graph of a complete repository, and the sizes (cache/
  // pack_sizes.h) of packs that lack them.  No network.
  Status Maintain(Repository& repository, const TransferControl& control);

 private:
  struct Transfer {
    std::vector<Oid> wants;
    std::vector<Oid> haves;
    FetchDepth depth = FetchDepth::kAsIs;
    bool without_blobs = false;
    bool ignore_local = false;
    // What comes holds all that is here: all packs go, if nothing but `replaced` has come with
    // them.
    std::optional<Oid> replaced;
    // The shallow commits that it is about, if not all.  Another tip may come at any time, and the
    // other side takes every shallow commit for one whose files are here.
    std::optional<std::set<Oid>> shallow;
    bool is_whole = false;  // What comes has all that lies behind those.
  };

  // Whether `source` has sent what `transfer` is about.
  static Status Check(const Repository& repository, const Transfer& transfer,
                      const Staging& staging, const Source& source,
                      const std::function<Status()>& keep_going);
  // Runs `transfer` from the first source that answers, and adopts what came.
  Status Run(Repository& repository, const Transfer& transfer, const TransferControl& control);
  // Moves what `staging` received into the repository's directory.  `replaced` is asked for the
  // files that it replaces, once nobody else can change the directory.
  using ChooseReplaced = std::function<Result<std::vector<std::string>>()>;
  Status Adopt(Repository& repository, Staging& staging, const ChooseReplaced& replaced);
  // What the repository holds when nobody else is changing it; nothing if that takes long.
  Result<std::optional<Inventory>> AwaitInventory(Repository& repository,
                                                  const TransferControl& control) const;
  static Status AddSizes(Repository& repository, const TransferControl& control);
  static Status SaveRefs(Repository& repository, const RefSnapshot& refs);

  Result<Oid> FetchTipNow(Repository& repository, const Oid& want, const TransferControl& control);
  Status FetchTipWithFallback(Repository& repository, const Oid& want,
                              const TransferControl& control);
  // kTip -> kComplete at once, if a tip of the refs is all that is here; else does nothing.
  Status FetchWhole(Repository& repository, const RefSnapshot& refs,
                    const TransferControl& control);
  // What `refs` lead to and has to be here at this stage.
  Status FetchMoved(Repository& repository, const RefSnapshot& refs,
                    const TransferControl& control);
  // `refs` are what the git host has told at `told`.
  Status Show(Repository& repository, const RefSnapshot& refs, WallTime told);
  Status FetchMovedRoots(Repository& repository, const RefSnapshot& refs,
                         const TransferControl& control);
  Status ReportRoot(Repository& repository, const RootRecord& root);
  Status Report(Repository& repository, Stage reached);
  Status Record(Repository& repository, const RepositoryChange& change);

  const SourceRound sources_;
  const FetchOptions limits_;
  Catalog& catalog_;
  const Clock& clock_;
  const std::function<void(const Repository&)> tell_others_;
};

}  // namespace reposfs
