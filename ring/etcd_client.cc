#include "ring/etcd_client.h"

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "ring/etcd_json.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr long kStatusOk = 200;
constexpr std::size_t kAnswerMaxBytes = 8u << 20;
constexpr std::size_t kIdleCountMax = 8;
constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1'000};

bool IsPassing(const Error& error) {
  return error.code == Errc::kUnreachable || error.code == Errc::kTimedOut;
}

nlohmann::json Parse(std::string_view text) {
  return nlohmann::json::parse(text, nullptr, false);  // Not an object if it is no JSON.
}

std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error Senseless(std::string_view what) {
  return Error{Errc::kUnreachable,
               "etcd: an answer to " + std::string(what) + " makes no sense; is it etcd?"};
}

// Cuts a stream into lines, each one message.
class LineCutter {
 public:
  // False if `on_line` does not want more, or a line has no end.
  bool Add(std::string_view bytes, const std::function<bool(std::string_view)>& on_line) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_ += bytes.substr(0, end);
      if (line_.size() > kAnswerMaxBytes) return false;
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      if (!on_line(std::exchange(line_, {}))) return false;
    }
    return true;
  }

 private:
  std::string line_;
};

}  // namespace

// What one call asks, of whichever endpoint.
struct EtcdClient::Question {
  std::string path;
  std::string body;
  Deadline deadline;
  std::function<bool(std::string_view)> on_bytes;  // Of a stream.
  Json answer;
};

// A caller from the idle ones for one exchange; only then can Stop() reach it.
class EtcdClient::BorrowedCaller {
 public:
  explicit BorrowedCaller(EtcdClient& client) : client_(client) {
    {
      MutexLock lock(client_.mutex_);
      if (!client_.idle_.empty()) {
        caller_ = std::move(client_.idle_.back());
        client_.idle_.pop_back();
      }
    }
    if (!caller_) caller_ = std::make_unique<HttpCaller>(client_.options_.tls);
    MutexLock lock(client_.mutex_);
    if (client_.stopped_) caller_->Stop();
    place_ = client_.busy_.insert(client_.busy_.end(), caller_.get());
  }

  ~BorrowedCaller() {
    MutexLock lock(client_.mutex_);
    client_.busy_.erase(place_);
    if (client_.idle_.size() < kIdleCountMax) client_.idle_.push_back(std::move(caller_));
  }
  BorrowedCaller(const BorrowedCaller&) = delete;
  BorrowedCaller& operator=(const BorrowedCaller&) = delete;

  HttpCaller* operator->() { return caller_.get(); }

 private:
  EtcdClient& client_;
  std::unique_ptr<HttpCaller> caller_;
  std::list<HttpCaller*>::iterator place_;
};

EtcdClient::EtcdClient(EtcdOptions options) : options_(std::move(options)) {
  assert(!options_.endpoints.empty());
}

EtcdClient::~EtcdClient() = default;

void EtcdClient::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (HttpCaller* caller : busy_) caller->Stop();  // Does not block.
  stopping_.NotifyAll();
}

bool EtcdClient::Pause(int round, Deadline deadline) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const milliseconds longest = std::min(kFirstPause * (1 << std::min(round, 5)), kLongestPause);
  const auto jitter = std::uniform_int_distribution<std::int64_t>(0, longest.count() / 2)(random);
  const Deadline end =
      std::min(deadline, std::chrono::steady_clock::now() + longest / 2 + milliseconds(jitter));
  MutexLock lock(mutex_);
  while (!stopped_) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return std::chrono::steady_clock::now() < deadline;
    stopping_.WaitFor(mutex_, std::chrono::ceil<milliseconds>(left));
  }
  return false;
}

Result<std::string> EtcdClient::Token(const std::string& endpoint, Deadline deadline) {
  if (options_.username.empty()) return std::string();
  {
    MutexLock lock(mutex_);
    if (!token_.empty()) return token_;
  }
  // Several threads may ask at the same time; each token is good.
  Question question{"/v3/auth/authenticate",
                    Dump({{"name", options_.username}, {"password", options_.password}}),
                    deadline,
                    nullptr,
                    {}};
  if (auto asked = Attempt(endpoint, "", question); !asked) {
    return std::move(asked).error().Within("log in as " + options_.username);
  }
  std::string token = JsonText(question.answer, "token");
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) {
    return Senseless("authenticate");
  }
  MutexLock lock(mutex_);
  token_ = token;
  return token;
}

void EtcdClient::ForgetToken(const std::string& token) {
  MutexLock lock(mutex_);
  if (token_ == token) token_.clear();
}

Status EtcdClient::Attempt(const std::string& endpoint, const std::string& token,
                           Question& question) {
  HttpCall call;
  call.url = endpoint + question.path;
  call.body = question.body;
  call.headers = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true"};
  if (!token.empty()) call.headers.push_back("Authorization: " + token);
  const Deadline soon = std::chrono::steady_clock::now() + options_.attempt_timeout;
  call.deadline = question.on_bytes ? question.deadline : std::min(question.deadline, soon);
  call.begun_by = soon;
  call.answer_size_bytes_max = kAnswerMaxBytes;
  call.on_bytes = question.on_bytes;
  auto answer = BorrowedCaller(*this)->Perform(call);
  if (!answer) return std::move(answer).error();
  if (answer->status == kStatusOk && question.on_bytes) return {};
  question.answer = Parse(answer->body);
  if (answer->status != kStatusOk) return EtcdError(answer->status, question.answer);
  if (!question.answer.is_object()) return Senseless(question.path);
  return {};
}

Status EtcdClient::AskOne(const std::string& endpoint, Question& question) {
  Status asked;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto token = Token(endpoint, question.deadline);
    if (!token) return std::move(token).error().Within("etcd: " + endpoint);
    asked = Attempt(endpoint, *token, question);
    if (asked || token->empty() || !IsTokenError(asked.error())) break;
    ForgetToken(*token);
  }
  if (asked) return asked;
  return std::move(asked).error().Within("etcd: " + endpoint);
}

Status EtcdClient::AskEach(Question& question) {
  const std::size_t count = options_.endpoints.size();
  const std::size_t first = preferred_;
  Status asked;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = (first + i) % count;
    asked = AskOne(options_.endpoints[index], question);
    const bool done = asked || !IsPassing(asked.error());
    // Also when no time is left for the next one: the next call begins with it.
    preferred_ = done ? index : (index + 1) % count;
    if (done) return asked;
    if (std::chrono::steady_clock::now() >= question.deadline) break;
  }
  return asked;
}

Result<EtcdClient::Json> EtcdClient::Ask(std::string_view path, const Json& body,
                                         Deadline deadline) {
  Question question{std::string(path), Dump(body), deadline, nullptr, {}};
  Error failure{Errc::kUnreachable, "etcd: no time is left to ask"};
  for (int round = 0;; ++round) {
    auto asked = AskEach(question);
    if (asked) return std::move(question.answer);
    if (!IsPassing(asked.error())) return std::move(asked).error();
    // An attempt that the deadline cut off tells less than the one before.
    const bool cut_off = round > 0 && asked.error().code == Errc::kTimedOut;
    if (!cut_off) failure = std::move(asked).error();
    if (!Pause(round, deadline)) {
      return Error{Errc::kUnreachable, failure.message +
                                           "; check that etcd runs and has a leader, and "
                                           "ring.etcd.endpoints"};
    }
  }
}

Result<std::optional<EtcdKeyValue>> EtcdClient::Get(std::string_view key, Deadline deadline) {
  auto answer = Ask("/v3/kv/range", {{"key", EncodeBase64(key)}}, deadline);
  if (!answer) return std::move(answer).error();
  const Json& items = JsonField(*answer, "kvs");
  if (!items.is_array() || items.empty()) return std::optional<EtcdKeyValue>();
  return std::optional(KeyValueOf(items.front()));
}

Result<EtcdRange> EtcdClient::List(std::string_view prefix, int count_max, Deadline deadline) {
  auto answer = Ask("/v3/kv/range",
                    {{"key", EncodeBase64(prefix)},
                     {"range_end", EncodeBase64(EndOfPrefix(prefix))},
                     {"limit", std::to_string(count_max)},
                     {"sort_order", "ASCEND"},
                     {"sort_target", "CREATE"}},
                    deadline);
  if (!answer) return std::move(answer).error();
  EtcdRange range;
  range.revision = RevisionOf(*answer);
  range.more = JsonBool(*answer, "more");
  if (range.revision == 0) return Senseless("range");
  if (const Json& items = JsonField(*answer, "kvs"); items.is_array()) {
    for (const Json& item : items) range.items.push_back(KeyValueOf(item));
  }
  return range;
}

Result<std::int64_t> EtcdClient::Put(const EtcdPut& put, Deadline deadline) {
  auto answer = Ask("/v3/kv/put", PutJson(put), deadline);
  if (!answer) return std::move(answer).error();
  return RevisionOf(*answer);
}

Result<std::int64_t> EtcdClient::Delete(std::string_view key, Deadline deadline) {
  auto answer = Ask("/v3/kv/deleterange", {{"key", EncodeBase64(key)}}, deadline);
  if (!answer) return std::move(answer).error();
  return JsonInt64(*answer, "deleted");
}

Result<EtcdOutcome> EtcdClient::Transact(const EtcdTransaction& transaction, Deadline deadline) {
  auto answer = Ask("/v3/kv/txn", TransactionJson(transaction), deadline);
  if (!answer) return std::move(answer).error();
  EtcdOutcome outcome;
  outcome.succeeded = JsonBool(*answer, "succeeded");
  outcome.revision = RevisionOf(*answer);
  if (outcome.revision == 0) return Senseless("txn");
  const Json& responses = JsonField(*answer, "responses");
  if (outcome.succeeded || !responses.is_array() || responses.empty()) return outcome;
  const Json& items = JsonField(JsonField(responses.front(), "response_range"), "kvs");
  if (items.is_array() && !items.empty()) outcome.found = KeyValueOf(items.front());
  return outcome;
}

Result<EtcdLease> EtcdClient::GrantLease(seconds ttl, Deadline deadline) {
  auto answer = Ask("/v3/lease/grant", {{"TTL", std::to_string(ttl.count())}}, deadline);
  if (!answer) return std::move(answer).error();
  const EtcdLease lease{JsonInt64(*answer, "ID"), seconds(JsonInt64(*answer, "TTL"))};
  if (lease.id == 0 || lease.ttl <= seconds(0)) return Senseless("lease/grant");
  return lease;
}

Result<seconds> EtcdClient::KeepAlive(std::int64_t lease, Deadline deadline) {
  auto answer = Ask("/v3/lease/keepalive", {{"ID", std::to_string(lease)}}, deadline);
  if (!answer) return std::move(answer).error();
  // It is a stream of one message.
  const seconds ttl(JsonInt64(JsonField(*answer, "result"), "TTL"));
  if (ttl <= seconds(0)) return Error{Errc::kNotFound, "etcd: the lease is over"};
  return ttl;
}

Result<seconds> EtcdClient::TimeToLive(std::int64_t lease, Deadline deadline) {
  auto answer = Ask("/v3/lease/timetolive", {{"ID", std::to_string(lease)}}, deadline);
  if (!answer) return std::move(answer).error();
  const seconds ttl(JsonInt64(*answer, "TTL"));
  if (ttl <= seconds(0)) return Error{Errc::kNotFound, "etcd: the lease is over"};
  return ttl;
}

Status EtcdClient::RevokeLease(std::int64_t lease, Deadline deadline) {
  auto answer = Ask("/v3/lease/revoke", {{"ID", std::to_string(lease)}}, deadline);
  if (answer || answer.error().code == Errc::kNotFound) return {};
  return std::move(answer).error();
}

namespace {

// Reads the messages of a watch; `revision` is the next one to be seen.
class WatchReader {
 public:
  WatchReader(std::int64_t revision, const std::function<bool(const EtcdEvent&)>& on_event)
      : revision_(revision), on_event_(on_event) {}

  bool Add(std::string_view bytes) {
    return cutter_.Add(bytes, [this](std::string_view line) { return Read(Parse(line)); });
  }

  std::int64_t revision() const { return revision_; }
  bool done() const { return done_; }
  const std::optional<Error>& error() const { return error_; }
  void NewStream() { cutter_ = LineCutter(); }

 private:
  bool Read(const nlohmann::json& message) {
    const nlohmann::json& result = JsonField(message, "result");
    if (!result.is_object()) {
      error_ = EtcdError(kStatusOk, JsonField(message, "error"));
      return false;
    }
    if (JsonInt64(result, "compact_revision") > 0) {
      error_ = Error{Errc::kNotFound, "etcd: what is asked for was compacted; list it again"};
      return false;
    }
    if (JsonBool(result, "canceled")) return false;
    const nlohmann::json& events = JsonField(result, "events");
    if (!events.is_array()) return true;
    std::int64_t last = 0;
    for (const nlohmann::json& event : events) {
      EtcdEvent seen;
      const bool deleted = JsonText(event, "type") == "DELETE";
      seen.kind = deleted ? EtcdEvent::Kind::kDelete : EtcdEvent::Kind::kPut;
      seen.item = KeyValueOf(JsonField(event, "kv"));
      done_ = !on_event_(seen);
      if (done_) return false;
      last = std::max(last, seen.item.mod_revision);
    }
    // A message has all the events of a revision.
    revision_ = std::max(revision_, last + 1);
    return true;
  }

  std::int64_t revision_;
  const std::function<bool(const EtcdEvent&)>& on_event_;
  LineCutter cutter_;
  bool done_ = false;
  std::optional<Error> error_;
};

}  // namespace

Status EtcdClient::Watch(std::string_view prefix, std::int64_t revision,
                         const std::function<bool(const EtcdEvent&)>& on_event, Deadline deadline) {
  WatchReader reader(revision, on_event);
  for (int round = 0;; ++round) {
    reader.NewStream();
    const Json request = {{"key", EncodeBase64(prefix)},
                          {"range_end", EncodeBase64(EndOfPrefix(prefix))},
                          {"start_revision", std::to_string(reader.revision())}};
    Question question{"/v3/watch",
                      Dump({{"create_request", request}}),
                      deadline,
                      [&reader](std::string_view bytes) { return reader.Add(bytes); },
                      {}};
    const std::int64_t seen_before = reader.revision();
    const auto asked = AskOne(options_.endpoints[preferred_ % options_.endpoints.size()], question);
    if (reader.done()) return {};
    if (reader.error() && !IsPassing(*reader.error())) return *reader.error();
    if (!asked && !IsPassing(asked.error())) return asked.error();
    if (reader.revision() > seen_before) round = 0;
    if (std::chrono::steady_clock::now() < deadline) ++preferred_;
    if (!Pause(round, deadline)) {
      MutexLock lock(mutex_);
      if (stopped_) return Error{Errc::kInterrupted, "the program is stopping"};
      return {};
    }
  }
}

}  // namespace reposfs
