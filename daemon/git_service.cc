#include "daemon/git_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/text.h"
#include "cache/gzip.h"
#include "cache/upload_refs.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

constexpr char kAdvertisementType[] = "application/x-git-upload-pack-advertisement";
constexpr char kResultType[] = "application/x-git-upload-pack-result";
constexpr char kBundleType[] = "application/x-git-bundle";

// Between two rounds something must have come; a repository that needs more of them moves away
// faster than it comes.
constexpr int kRoundCountMax = 50;

constexpr std::size_t kUploadsPerCore = 2;

// git shows the text of a failure to its user if it is plain.
HttpResponse PlainAnswer(int status, const std::string& text) {
  return {status, "text/plain; charset=utf-8", Printable(text) + "\n"};
}

HttpResponse BusyAnswer() {
  HttpResponse answer = PlainAnswer(503, "this node has too much to do; try again");
  answer.headers.emplace_back("Retry-After", "5");
  return answer;
}

}  // namespace

// One request that is served, from its acceptance to its answer.
class GitService::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(GitService& service, GitRequest asked, HttpRequest& request, HttpServer::Reply reply)
      : service_(service),
        cache_(service.cache_),
        asked_(std::move(asked)),
        body_(std::move(request.body)),
        is_gzipped_(request.Header("content-encoding") == "gzip"),
        reply_(std::move(reply)) {}
  ~Exchange() {
    service_.bodies_bytes_.fetch_sub(counted_bytes_, std::memory_order_relaxed);
    service_.request_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Goes on as far as it can without waiting.
  void Step() {
    if (service_.stopping_) return;
    if (++round_ > kRoundCountMax) {
      return Fail({Errc::kTimedOut, asked_.key.Text() + " changes faster than it can be fetched"});
    }
    if (!repository_ && !Resolve()) return;
    if (asked_.resource == GitResource::kAdvertisement) return Advertise();
    if (asked_.resource == GitResource::kBundle) return Enqueue();
    if (!request_ && !Parse()) return;
    // Asked for by who wants to know whether it would be answered.
    if (body_.empty() || body_ == "0000") return Reply(200, kResultType, "");
    if (request_->ls_refs && !Freshen()) return;
    if (request_->ls_refs) return Reply(200, kResultType, LsRefsAnswer(*refs_, *request_->ls_refs));
    if (Provide()) Enqueue();
  }

 private:
  // The steps: each returns false if it has replied, or waits.

  bool Resolve() {
    if (asked_.only_if_cached) return ResolveCached();
    const Outcome<Target> target = cache_.Resolve(asked_.key, "", Staleness::kAsConfigured);
    if (target.waits()) return WaitFor(target.flight());
    if (!target.has_value()) return FailWith(target.result().error());
    repository_ = target.result()->repository;
    refs_ = repository_->refs();
    if (!refs_) return FailWith({Errc::kNotFound, asked_.key.Text() + ": no refs are known"});
    repository_->Touch(cache_.clock().Now(), cache_.options().lru.granularity);
    return true;
  }

  bool ResolveCached() {
    const RepositoryPtr repository = cache_.Find(asked_.key);
    const bool here = repository && repository->stage() != Stage::kAbsent && repository->refs();
    if (!here) return NotCached();
    repository_ = repository;
    refs_ = repository->refs();
    return true;
  }

  // Who asks may want newer refs than others are content with.  If the host can't be asked, what is
  // known is told with its age.
  bool Freshen() {
    if (std::exchange(freshened_, true)) {
      if (const RefSnapshotPtr refs = repository_->refs()) refs_ = refs;
      return true;
    }
    const auto age = cache_.clock().Now() - repository_->record().last_checked;
    if (!asked_.age_max || age <= *asked_.age_max) return true;
    return WaitFor(cache_.Refresh(repository_, Failures::kBelieved));
  }

  bool Parse() {
    if (is_gzipped_) {
      auto inflated = Gunzip(body_, kBodyMaxBytes);
      const bool too_large = !inflated && inflated.error().code == Errc::kNoSpace;
      if (too_large) return FailAs(413, "the request is too large: " + inflated.error().message);
      if (!inflated) return FailAs(400, inflated.error().message);
      body_ = std::move(*inflated);
      counted_bytes_ = body_.size();
      const std::size_t all =
          service_.bodies_bytes_.fetch_add(counted_bytes_, std::memory_order_relaxed);
      if (all + counted_bytes_ > kBodiesMaxBytes) {
        reply_(BusyAnswer());
        return false;
      }
    }
    auto request = ParseUploadRequest(body_, asked_.version);
    if (!request) return FailAs(400, request.error().message);
    request_ = std::move(*request);
    return true;
  }

  // Brings what is asked for.
  bool Provide() {
    if (!request_->fetch) return true;
    if (asked_.only_if_cached) {
      return cache_.CanProvide(*repository_, *request_->fetch) || NotCached();
    }
    const Outcome<Done> provided = cache_.Provide(repository_, *request_->fetch);
    if (provided.waits()) return WaitFor(provided.flight());
    return provided.has_value() || FailWith(provided.result().error());
  }

  void Enqueue() {
    const int before = service_.upload_count_.fetch_add(1, std::memory_order_relaxed);
    if (before >= kUploadQueueMax) {
      service_.upload_count_.fetch_sub(1, std::memory_order_relaxed);
      return reply_(BusyAnswer());
    }
    service_.uploading_.Submit([self = shared_from_this()] {
      self->Upload();
      self->service_.upload_count_.fetch_sub(1, std::memory_order_relaxed);
    });
  }

  // On a thread of its own, for as long as it takes.
  void Upload() {
    const Repository::Use use(repository_);
    const FetchArguments* fetch = request_ && request_->fetch ? &*request_->fetch : nullptr;
    // It may have been evicted while it waited for a place.
    const bool gone = fetch != nullptr && !cache_.CanProvide(*repository_, *fetch);
    if (gone) return Again();
    const auto pipe = std::make_shared<BytePipe>(BytePipe::Limits{});
    bool begun = false;
    UploadSink sink;
    sink.put = [&](std::string_view bytes) -> Status {
      if (service_.stopping_) return Error{Errc::kInterrupted, "reposfs is stopping"};
      // With the first bytes: until then a failure can still be told.
      if (!std::exchange(begun, true)) {
        Reply(200, request_ ? kResultType : kBundleType, "", pipe);
      }
      return pipe->Put(bytes);
    };
    sink.keep_going = [&]() -> Status {
      if (service_.stopping_) return Error{Errc::kInterrupted, "reposfs is stopping"};
      return pipe->KeepGoing();
    };
    const Status answered = request_ ? AnswerUpload(*repository_, *request_, body_, ScratchPath(),
                                                    service_.options_.limits, sink)
                                     : SendBundle(*repository_, sink);
    // Of what is not held whole there is no bundle.
    const bool is_no_bundle = !request_ && !answered && answered.error().code == Errc::kNotFound;
    const bool is_usual = answered || answered.error().code == Errc::kInterrupted || is_no_bundle;
    if (!is_usual) {
      spdlog::warn("not served to a git client repo={} cause=\"{}\"", asked_.key.Text(),
                   Printable(answered.error().message));
    }
    if (begun) return pipe->Finish(answered);
    if (!answered) return Fail(answered.error());
    Reply(200, kResultType, "");
  }

  void Advertise() {
    Reply(
        200, kAdvertisementType,
        asked_.version == UploadVersion::kTwo ? UploadCapabilities() : UploadAdvertisement(*refs_));
  }

  // --- Waiting ---

  void Again() {
    service_.answering_.Submit([self = shared_from_this()] { self->Step(); });
  }

  // Always false.
  bool WaitFor(const FlightPtr& flight) {
    const std::uint64_t id = service_.parked_.Add(
        flight, std::nullopt,
        [self = shared_from_this()](ParkingLot::Wake wake, const Status& status) {
          self->Landed(wake, status);
        });
    service_.parked_.Arm(id);
    return false;
  }

  void Landed(ParkingLot::Wake wake, const Status& status) {
    if (wake == ParkingLot::Wake::kInterrupted) return;
    if (wake == ParkingLot::Wake::kDeadline) {
      return Fail({Errc::kTimedOut, asked_.key.Text() + ": its host is too slow; try again"});
    }
    const bool can_do_without = freshened_ && request_ && request_->ls_refs;
    if (!status && !can_do_without) return Fail(status.error());
    Step();
  }

  // --- Answering ---

  void Reply(int status, const char* type, std::string body,
             std::shared_ptr<BytePipe> stream = nullptr) {
    HttpResponse response{status, type, std::move(body)};
    if (repository_) {
      const auto age = std::chrono::ceil<std::chrono::seconds>(cache_.clock().Now() -
                                                               repository_->record().last_checked);
      response.headers.emplace_back("Age", std::to_string(std::max<std::int64_t>(age.count(), 0)));
      response.headers.emplace_back("Reposfs-Stage", std::string(StageName(repository_->stage())));
    }
    Send(std::move(response), std::move(stream));
  }

  void Send(HttpResponse response, std::shared_ptr<BytePipe> stream = nullptr) {
    const std::string& node = service_.options_.node_id;
    if (!node.empty()) response.headers.emplace_back("Reposfs-Node", node);
    response.stream = std::move(stream);
    reply_(std::move(response));
  }

  void Fail(const Error& error) {
    // A git client shows its user what the protocol says, and of HTTP only the number.  Nodes look
    // at the number.
    const bool in_protocol = asked_.resource == GitResource::kUploadPack && !asked_.is_peer &&
                             asked_.version == UploadVersion::kTwo;
    if (in_protocol) return Reply(200, kResultType, UploadFailure(error.message));
    HttpResponse response = PlainAnswer(HttpStatusOf(error.code), error.message);
    const auto wait = std::chrono::ceil<std::chrono::seconds>(error.retry_after).count();
    if (wait > 0) response.headers.emplace_back("Retry-After", std::to_string(wait));
    Send(std::move(response));
  }

  // These return false, too.
  bool FailWith(const Error& error) {
    Fail(error);
    return false;
  }
  bool FailAs(int status, const std::string& text) {
    Send(PlainAnswer(status, text));
    return false;
  }
  bool NotCached() {
    HttpResponse response =
        PlainAnswer(404, asked_.key.Text() + " is not in the cache of this node");
    response.headers.emplace_back("Reposfs-Cached", "no");
    Send(std::move(response));
    return false;
  }

  std::filesystem::path ScratchPath() const {
    return service_.options_.scratch / ("upload-" + std::to_string(service_.next_scratch_.fetch_add(
                                                        1, std::memory_order_relaxed)));
  }

  GitService& service_;
  RepositoryCache& cache_;
  const GitRequest asked_;
  std::string body_;
  const bool is_gzipped_;
  const HttpServer::Reply reply_;

  int round_ = 0;
  bool freshened_ = false;
  std::size_t counted_bytes_ = 0;
  RepositoryPtr repository_;
  RefSnapshotPtr refs_;  // Those of the answer, whatever is checked meanwhile.
  std::optional<UploadRequest> request_;
};

GitService::GitService(RepositoryCache& cache, Options options)
    : cache_(cache),
      options_(std::move(options)),
      parked_(answering_, cache.options().fetch.request_timeout),
      uploading_("git-upload",
                 kUploadsPerCore * std::max(1u, std::thread::hardware_concurrency())) {}

GitService::~GitService() {
  stopping_ = true;
  uploading_.Stop();
  parked_.Close();
  answering_.Stop();
}

bool GitService::MayBeServed(const HttpRequest& request) const {
  switch (options_.access) {
    case Access::kNobody:
      return false;
    case Access::kToken:
      return ShowsToken(request, options_.token);
    case Access::kAnyone:
      break;
  }
  return true;
}

std::optional<HttpResponse> GitService::Refusal(const HttpRequest& request) const {
  if (MayBeServed(request)) return std::nullopt;
  if (options_.access == Access::kNobody) {
    return PlainAnswer(403, "git is not served here; see http.serveGit in the configuration");
  }
  HttpResponse response = PlainAnswer(401, "show the secret of this node, as bearer or password");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"reposfs\", charset=\"UTF-8\"");
  return response;
}

std::size_t GitService::BodyMaxBytes(const HttpRequest& head) const {
  return MayBeServed(head) ? kBodyMaxBytes : HttpServer::kBodyMaxBytes;
}

void GitService::Handle(HttpRequest& request, HttpServer::Reply reply) {
  if (auto refused = Refusal(request)) return reply(std::move(*refused));
  auto asked = ParseGitRequest(request, cache_.origin());
  if (!asked) return reply(PlainAnswer(HttpStatusOf(asked.error().code), asked.error().message));
  if (asked->resource == GitResource::kReceivePack) {
    return reply(PlainAnswer(403, "nothing can be pushed here: this is a cache; push to the host"));
  }
  if (asked->resource == GitResource::kDumb) {
    return reply(PlainAnswer(403, "only git's smart HTTP protocol is spoken here"));
  }
  if (request_count_.fetch_add(1, std::memory_order_relaxed) >= kRequestCountMax) {
    request_count_.fetch_sub(1, std::memory_order_relaxed);
    return reply(BusyAnswer());
  }
  auto exchange = std::make_shared<Exchange>(*this, std::move(*asked), request, std::move(reply));
  answering_.Submit([exchange = std::move(exchange)] { exchange->Step(); });
}

}  // namespace reposfs
