// What all processes on a cache directory ask of each host together.
//
// A host's limits are about the host, not about one process: the daemon and its workers share its
// places and its requests a minute.  Who transfers holds a row for its place; each request to a
// host with such a limit leaves one for a minute; and who was refused leaves one, so that others
// let it go first.  A process that is killed gives its rows back: whoever is refused looks whether
// those who have the places live.  One that hangs loses them when its lease lapses.
//
//   Enter() --> a place, and one request of the minute --TakeRequests()--> ... --Leave()-->
//     |
//     +-------> refused: come again
//
// Thread-safety: every method may be called from any thread; each is one small transaction.  The
// request that comes with a place belongs to the thread that has entered, which must also leave.
// Errors of every method: those of Catalog.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cache/sqlite_database.h"

namespace reposfs {

class HostLedger {
 public:
  // `myself` signs the rows of this process; `is_alive` tells whether the process of such a name
  // lives.
  HostLedger(SqliteDatabasePtr database, std::string myself,
             std::function<bool(const std::string&)> is_alive, const Clock& clock);
  ~HostLedger();  // Gives everything back.
  HostLedger(const HostLedger&) = delete;
  HostLedger& operator=(const HostLedger&) = delete;

  // Who wants to go to which host, and how many others may be there then.
  struct Visitor {
    std::string host;
    int priority;
    bool background;
    int places_max;             // Among all.
    int background_places_max;  // Among those in the background.
    int requests_max;           // In any minute; 0 is no limit.
    bool again = false;         // It was refused before.
  };
  struct Answer {
    bool entered = false;
    std::int64_t place = 0;                   // For Leave().
    std::chrono::milliseconds again_after{};  // Before that it is of no use to come again.
  };
  // Takes a place.  Nobody overtakes a visitor of another process that was refused and has the
  // higher priority, or the same and has come again for a second.
  Result<Answer> Enter(const Visitor& visitor);
  // A request that came with the place and was not made is given back.
  Status Leave(const std::string& host, std::int64_t place);

  // Takes `count` requests of the minute, but not more than there are in one, waiting until there
  // are so many.  Further errors: those of `keep_going`, which is called about 20 times a second.
  Status TakeRequests(const std::string& host, int count, int requests_max,
                      const std::function<Status()>& keep_going);

  // Tells that this process lives.  Call this about once a second while it has places.
  Status Renew();

  struct Use {
    int place_count = 0;
    int request_count = 0;  // Within the last minute.
  };
  // Of every host that anybody has a place or made a counted request at.
  Result<std::map<std::string, Use>> Uses() const;

 private:
  struct Seen;

  Result<Answer> TryEnter(const Visitor& visitor);
  Result<Seen> LookLocked(const Visitor& visitor, WallTime now) const
      REPOSFS_REQUIRES(database_->mutex);
  Result<bool> IsRefusedAsBefore(const Visitor& visitor, Answer& answer) const;
  Status WriteEntered(const Visitor& visitor, std::int64_t place, WallTime now)
      REPOSFS_REQUIRES(database_->mutex);
  Status WriteRefused(const Visitor& visitor, WallTime now) REPOSFS_REQUIRES(database_->mutex);
  // Returns whether there were any.
  Result<bool> ForgetDead(const std::string& host);
  Status Forget(const std::string& owner);
  Result<bool> TryTakeRequests(const std::string& host, int count, int requests_max);

  const SqliteDatabasePtr database_;
  const std::string myself_;
  const std::function<bool(const std::string&)> is_alive_;
  const Clock& clock_;
  std::atomic<std::int64_t> next_place_{1};
};

}  // namespace reposfs
