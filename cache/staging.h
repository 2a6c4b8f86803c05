// A scratch git repository that receives one transfer.
//
// git writes only here.  The staging sees the objects of the store it belongs to (alternates) and
// says "have" only for commits that are here whole.  When the transfer has succeeded it is sealed,
// and StoreDirectory::Adopt() moves everything over; until then the store has not changed, and to
// give up is to remove one directory.
//
//   Create() --git fetch--> filled --Seal()--> sealed --Adopt()--> adopted --~Staging()--> removed
//      |                      |
//      +------~Staging()------+--> removed
//
// A process that dies leaves the directory behind: an unsealed one is rubbish, a sealed one is
// adopted by the next process before it serves anything (Reopen()).
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/oid.h"
#include "cache/store_directory.h"

namespace reposfs {

class Staging {
 public:
  // `haves` are commits whose content is all in `store`.  Whatever is at `path` is removed first.
  static Result<Staging> Create(std::filesystem::path path, const StoreDirectory& store,
                                const std::vector<Oid>& haves);

  // The sealed staging at `path`.  Errors: kNotFound if there is none.
  static Result<Staging> Reopen(std::filesystem::path path);

  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&& other) noexcept;
  ~Staging();  // Removes the directory, the seal first: what is half removed is rubbish.

  const std::filesystem::path& path() const { return path_; }

  // Of the commits that the store calls shallow this is about `commits` only; the others stay what
  // they are.
  Status KeepShallow(const std::set<Oid>& commits);
  // What is received here has all that lies behind the shallow commits.
  Status ForgetShallow();

  // Packs of the store that what is received here replaces.
  Status Replace(const std::vector<std::string>& pack_names);
  std::vector<std::string> replaced() const;

  // From now on the directory survives the death of this process, and a loss of power.  Until then
  // nothing here is synced but packs, by whoever writes them: what is not sealed is rubbish anyway.
  Status Seal();

  // What the transfer did to the list of shallow commits.
  std::set<Oid> shallow_before() const;
  std::set<Oid> shallow_after() const;

 private:
  explicit Staging(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;  // Empty: moved away.
};

}  // namespace reposfs
