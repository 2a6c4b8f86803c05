#include "daemon/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "daemon/http_answer.h"
#include "daemon/listening_socket.h"
#include "daemon/pending_answer.h"

namespace reposfs {
namespace {

constexpr int kBacklog = 64;
constexpr unsigned kThreadCount = 8;
constexpr unsigned kConnectionCountMax = 128;
constexpr unsigned kIdleTimeoutS = 60;
// So long the end waits until clients have taken their answers.
constexpr std::chrono::milliseconds kLastAnswersMax(1'000);

using AnswerPtr = std::shared_ptr<PendingAnswer>;

// One request, while its body arrives and until it is answered.
struct Conversation {
  HttpRequest request;
  bool too_large = false;
  AnswerPtr answer;  // Set once the handler has the request.
};

// Answers for a handler that never does.
struct LastResort {
  explicit LastResort(AnswerPtr to) : answer(std::move(to)) {}
  ~LastResort() { answer->Give(Failure({Errc::kIo, "nobody answered; see the log"})); }
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;
  const AnswerPtr answer;
};

HttpServer::Reply ReplyTo(AnswerPtr answer) {
  auto last_resort = std::make_shared<const LastResort>(std::move(answer));
  return [last_resort](HttpResponse response) { last_resort->answer->Give(std::move(response)); };
}

HttpResponse StoppingAnswer() {
  return Answer({{"error", "reposfs is stopping"}, {"code", ErrcName(Errc::kInterrupted)}}, 503);
}

HttpResponse TooLargeAnswer() {
  return Answer({{"error", "the body is too large"}, {"code", ErrcName(Errc::kInvalidArgument)}},
                413);
}

MHD_Result Send(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* raw = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (raw == nullptr) return MHD_NO;
  MHD_add_response_header(raw, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(raw, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(raw, "Cache-Control", "no-store");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
  MHD_destroy_response(raw);
  return queued;
}

// Keeps libmicrohttpd from decoding %2F in a path, which would move the borders of its parts.
std::size_t KeepEncoded(void*, MHD_Connection*, char* text) noexcept {
  return std::strlen(text);
}

}  // namespace

// The server of libmicrohttpd, and the requests that are with the handler.
class HttpServer::Daemon {
 public:
  explicit Daemon(Handler handler) : handler_(std::move(handler)) {}
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Status Start(UniqueFd listening, const std::string& address);

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char*, const char* upload,
                              std::size_t* upload_size, void** per_request) noexcept;
  static void OnCompleted(void* self, MHD_Connection*, void** per_request,
                          MHD_RequestTerminationCode) noexcept;

  void Handle(MHD_Connection* connection, Conversation& conversation) REPOSFS_EXCLUDES(mutex_);
  void Forget(const AnswerPtr& answer) REPOSFS_EXCLUDES(mutex_);

  const Handler handler_;
  MHD_Daemon* raw_ = nullptr;

  Mutex mutex_;  // A leaf lock.
  CondVar fewer_;
  std::set<AnswerPtr> with_handler_ REPOSFS_GUARDED_BY(mutex_);
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
};

Status HttpServer::Daemon::Start(UniqueFd listening, const std::string& address) {
  if (::listen(listening.get(), kBacklog) != 0) return ErrnoError(errno, "listen on " + address);
  raw_ = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr,
      nullptr, OnRequest, this, MHD_OPTION_LISTEN_SOCKET, listening.get(),
      MHD_OPTION_THREAD_POOL_SIZE, kThreadCount, MHD_OPTION_CONNECTION_LIMIT, kConnectionCountMax,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutS, MHD_OPTION_NOTIFY_COMPLETED, OnCompleted, this,
      MHD_OPTION_UNESCAPE_CALLBACK, KeepEncoded, nullptr, MHD_OPTION_END);
  if (raw_ == nullptr) return Error{Errc::kIo, "HTTP server not started on " + address};
  listening.release();  // MHD_stop_daemon() closes it.
  return {};
}

HttpServer::Daemon::~Daemon() {
  if (raw_ == nullptr) return;
  std::set<AnswerPtr> unanswered;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    unanswered = with_handler_;
  }
  // libmicrohttpd must not end with a connection suspended.
  for (const AnswerPtr& answer : unanswered) answer->Give(StoppingAnswer());
  {
    const auto end = std::chrono::steady_clock::now() + kLastAnswersMax;
    MutexLock lock(mutex_);
    while (!with_handler_.empty()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      fewer_.WaitFor(mutex_, left);
    }
  }
  MHD_stop_daemon(raw_);
}

MHD_Result HttpServer::Daemon::OnRequest(void* self, MHD_Connection* connection, const char* url,
                                         const char* method, const char*, const char* upload,
                                         std::size_t* upload_size, void** per_request) noexcept {
  auto* conversation = static_cast<Conversation*>(*per_request);
  if (conversation == nullptr) {
    const char* type =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    *per_request = new Conversation{{method, url, {}, type == nullptr ? "" : type}, false, nullptr};
    return MHD_YES;
  }
  if (*upload_size > 0) {
    conversation->too_large |= conversation->request.body.size() + *upload_size > kBodyMaxBytes;
    if (!conversation->too_large) conversation->request.body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  if (conversation->too_large) return Send(connection, TooLargeAnswer());
  // Called once with the whole request, and once more when a suspended one has its answer.
  if (!conversation->answer) static_cast<Daemon*>(self)->Handle(connection, *conversation);
  const auto response = conversation->answer->Take();
  return response ? Send(connection, *response) : MHD_YES;
}

void HttpServer::Daemon::Handle(MHD_Connection* connection, Conversation& conversation) {
  auto answer =
      std::make_shared<PendingAnswer>([connection] { MHD_suspend_connection(connection); },
                                      [connection] { MHD_resume_connection(connection); });
  conversation.answer = answer;
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    if (!stopping) with_handler_.insert(answer);
  }
  if (stopping) return answer->Give(StoppingAnswer());
  handler_(conversation.request, ReplyTo(std::move(answer)));
}

void HttpServer::Daemon::OnCompleted(void* self, MHD_Connection*, void** per_request,
                                     MHD_RequestTerminationCode) noexcept {
  const std::unique_ptr<Conversation> ended(static_cast<Conversation*>(*per_request));
  *per_request = nullptr;
  if (ended && ended->answer) static_cast<Daemon*>(self)->Forget(ended->answer);
}

void HttpServer::Daemon::Forget(const AnswerPtr& answer) {
  MutexLock lock(mutex_);
  with_handler_.erase(answer);
  fewer_.NotifyAll();
}

HttpServer::HttpServer(std::string address, std::unique_ptr<Daemon> daemon)
    : address_(std::move(address)), daemon_(std::move(daemon)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Serve(UniqueFd listening, std::string address,
                                                      Handler handler) {
  auto daemon = std::make_unique<Daemon>(std::move(handler));
  if (auto started = daemon->Start(std::move(listening), address); !started) {
    return std::move(started).error();
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(address), std::move(daemon)));
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenUnix(const std::filesystem::path& path,
                                                           Handler handler) {
  auto fd = BindUnix(path);
  if (!fd) return std::move(fd).error();
  return Serve(std::move(*fd), path.string(), std::move(handler));
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenTcp(const std::string& address,
                                                          Handler handler) {
  auto fd = BindTcp(address);
  if (!fd) return std::move(fd).error();
  std::string bound = BoundAddress(fd->get(), address);
  return Serve(std::move(*fd), std::move(bound), std::move(handler));
}

}  // namespace reposfs
