// etcd over the JSON gateway of its API v3: keys, transactions, leases, watches.
//
// No client library for C++ is packaged, and the gateway is part of every etcd server since 3.4.
// Members of a ring and the locks of a cluster are kept through this client.
//
// Any of the endpoints is asked; the one that answered last is asked first.  What fails by itself
// (no connection, no answer, no leader) is tried at the next endpoint, after a pause when all have
// failed, until the deadline of the call.  So a call may be carried out more than once, and one
// that failed may be carried out later: whoever calls must bear both.
//
// Thread-safety: every method may be called from any thread, and blocks it on the network.
//
// Errors of every method: kUnreachable if no endpoint gave an answer by the deadline, or an answer
// makes no sense; kAccessDenied; kInvalidArgument if etcd refuses the request; kNoSpace if its
// database is full; kInterrupted after Stop().  The message names the endpoint.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "ring/http_call.h"

namespace reposfs {

struct EtcdOptions {
  std::vector<std::string> endpoints;  // "http://10.0.0.1:2379"
  std::string username;                // Empty: no authentication.
  std::string password;
  HttpTlsOptions tls;
  // How long one endpoint may take to answer.
  std::chrono::milliseconds attempt_timeout{2'000};
};

struct EtcdKeyValue {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t lease = 0;  // 0: none.
};

struct EtcdRange {
  std::vector<EtcdKeyValue> items;  // In the order in which the keys were made.
  std::int64_t revision = 0;        // Of the whole store, as it was when it was asked.
  bool more = false;                // There are more than were asked for.
};

struct EtcdLease {
  std::int64_t id = 0;
  std::chrono::seconds ttl{0};  // As granted; etcd may give more than was asked for.
};

// "The key was made at this revision"; 0: it does not exist.
struct EtcdCondition {
  std::string key;
  std::int64_t create_revision = 0;
};

struct EtcdPut {
  std::string key;
  // Nothing: it keeps the one that it has.  REQUIRES then: the key exists.
  std::optional<std::string> value;
  std::optional<std::int64_t> lease = 0;
};

// What is done if all conditions hold; else the key of the first condition is read.
struct EtcdTransaction {
  std::vector<EtcdCondition> conditions;
  std::vector<EtcdPut> puts;
  std::vector<std::string> deletions;
};

struct EtcdOutcome {
  bool succeeded = false;
  std::int64_t revision = 0;          // Of the store afterwards; of the puts, if it succeeded.
  std::optional<EtcdKeyValue> found;  // If it did not, and the first condition's key exists.
};

struct EtcdEvent {
  enum class Kind { kPut, kDelete };
  Kind kind = Kind::kPut;
  EtcdKeyValue item;  // Of a deletion only the key and mod_revision.
};

// `prefix` as a range covers every key that begins with it.
class EtcdClient {
 public:
  // REQUIRES: at least one endpoint.
  explicit EtcdClient(EtcdOptions options);
  ~EtcdClient();
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  Result<std::optional<EtcdKeyValue>> Get(std::string_view key, Deadline deadline);
  // At most `count_max`, the oldest first.
  Result<EtcdRange> List(std::string_view prefix, int count_max, Deadline deadline);
  // Returns the revision.
  Result<std::int64_t> Put(const EtcdPut& put, Deadline deadline);
  // Returns how many there were.
  Result<std::int64_t> Delete(std::string_view key, Deadline deadline);
  Result<EtcdOutcome> Transact(const EtcdTransaction& transaction, Deadline deadline);

  Result<EtcdLease> GrantLease(std::chrono::seconds ttl, Deadline deadline);
  // Returns the time that it has from now on.  Errors: kNotFound if it is over.
  Result<std::chrono::seconds> KeepAlive(std::int64_t lease, Deadline deadline);
  // Returns the time that it still has.  Errors: kNotFound if it is over.
  Result<std::chrono::seconds> TimeToLive(std::int64_t lease, Deadline deadline);
  // Its keys are deleted with it.  One that is over is revoked already.
  Status RevokeLease(std::int64_t lease, Deadline deadline);

  // Calls `on_event` for each change of a key of `range` since `revision`, that one included, in
  // order, until it returns false or the deadline has passed; neither is an error.  An endpoint
  // that hangs is silent: whoever relies on events asks again from time to time.
  //
  // Errors: kNotFound if etcd no longer knows what happened at `revision`: List() tells what is
  // there now.
  Status Watch(std::string_view prefix, std::int64_t revision,
               const std::function<bool(const EtcdEvent&)>& on_event, Deadline deadline);

  // Ends the calls that run, and every later one, with kInterrupted.
  void Stop() REPOSFS_EXCLUDES(mutex_);

 private:
  using Json = nlohmann::json;
  struct Question;
  class BorrowedCaller;

  Result<Json> Ask(std::string_view path, const Json& body, Deadline deadline);
  // One attempt at each endpoint from the preferred one on.
  Status AskEach(Question& question) REPOSFS_EXCLUDES(mutex_);
  Status AskOne(const std::string& endpoint, Question& question) REPOSFS_EXCLUDES(mutex_);
  Status Attempt(const std::string& endpoint, const std::string& token, Question& question);
  // Empty without a user.
  Result<std::string> Token(const std::string& endpoint, Deadline deadline)
      REPOSFS_EXCLUDES(mutex_);
  void ForgetToken(const std::string& token) REPOSFS_EXCLUDES(mutex_);
  // False if there is no time left, or after Stop().
  bool Pause(int round, Deadline deadline) REPOSFS_EXCLUDES(mutex_);

  const EtcdOptions options_;
  // The index of the endpoint that answered last: a hint, right or wrong.
  std::atomic<std::size_t> preferred_{0};

  Mutex mutex_;  // A leaf lock.
  CondVar stopping_;
  bool stopped_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::string token_ REPOSFS_GUARDED_BY(mutex_);
  std::list<HttpCaller*> busy_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<HttpCaller>> idle_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
