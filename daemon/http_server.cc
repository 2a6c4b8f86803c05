#include "daemon/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "daemon/http_answer.h"
#include "daemon/listening_socket.h"
#include "daemon/pending_answer.h"
#include "daemon/response_stream.h"

namespace reposfs {
namespace {

constexpr int kBacklog = 512;
constexpr unsigned kThreadCount = 8;
constexpr unsigned kConnectionCountMax = 512;
// Of one piece of an answer.
constexpr std::size_t kStreamBlockBytes = 128u << 10;
// So much of a body that is not wanted is read, so that its client hears why.
constexpr std::size_t kDiscardedMaxBytes = 8u << 20;
constexpr unsigned kIdleTimeoutS = 60;
// So long the end waits until clients have taken their answers.
constexpr std::chrono::milliseconds kLastAnswersMax(1'000);

using AnswerPtr = std::shared_ptr<PendingAnswer>;

// One request, while its body arrives and until it is answered.
struct Conversation {
  HttpRequest request;
  std::size_t body_max_bytes = HttpServer::kBodyMaxBytes;
  std::size_t counted_bytes = 0;    // Of the body, in the sum of all.
  std::size_t discarded_bytes = 0;  // Of a body that is not wanted.
  bool too_large = false;
  bool no_room = false;
  AnswerPtr answer;                                  // Set once the handler has the request.
  std::shared_ptr<ResponseStream> stream = nullptr;  // Set once the answer begins to leave.
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

HttpResponse NoRoomAnswer() {
  HttpResponse answer = Answer(
      {{"error", "too many large requests; try again"}, {"code", ErrcName(Errc::kUnreachable)}},
      503);
  answer.headers.emplace_back("Retry-After", "5");
  return answer;
}

HttpResponse NoCertificateAnswer() {
  return Answer({{"error", "show a certificate that http.tls.clientCaFile has signed"},
                 {"code", ErrcName(Errc::kAccessDenied)}},
                403);
}

std::vector<MHD_OptionItem> TlsOptions(const HttpTls& tls) {
  std::vector<MHD_OptionItem> options;
  const auto add = [&](MHD_OPTION option, const std::string& pem) {
    if (!pem.empty()) options.push_back({option, 0, const_cast<char*>(pem.c_str())});
  };
  add(MHD_OPTION_HTTPS_MEM_CERT, tls.certificate);
  add(MHD_OPTION_HTTPS_MEM_KEY, tls.key);
  add(MHD_OPTION_HTTPS_MEM_TRUST, tls.client_ca);
  options.push_back({MHD_OPTION_END, 0, nullptr});
  return options;
}

ssize_t ReadStream(void* stream, std::uint64_t, char* out, std::size_t room_bytes) noexcept {
  auto& self = **static_cast<std::shared_ptr<ResponseStream>*>(stream);
  const auto taken = self.Next(out, room_bytes);
  if (!taken) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (!*taken) return 0;  // Suspended.
  return **taken == 0 ? MHD_CONTENT_READER_END_OF_STREAM : static_cast<ssize_t>(**taken);
}

void FreeStream(void* stream) noexcept {
  delete static_cast<std::shared_ptr<ResponseStream>*>(stream);
}

MHD_Response* MakeResponse(const HttpResponse& response,
                           const std::shared_ptr<ResponseStream>& stream) {
  if (!stream) {
    return MHD_create_response_from_buffer(
        response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  }
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlockBytes, ReadStream,
                                           new std::shared_ptr<ResponseStream>(stream), FreeStream);
}

MHD_Result Send(MHD_Connection* connection, const HttpResponse& response,
                const std::shared_ptr<ResponseStream>& stream = nullptr) {
  MHD_Response* raw = MakeResponse(response, stream);
  if (raw == nullptr) return MHD_NO;
  MHD_add_response_header(raw, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(raw, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(raw, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(raw, name.c_str(), value.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
  MHD_destroy_response(raw);
  return queued;
}

int SocketOf(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info != nullptr ? info->connect_fd : -1;
}

MHD_Result AddHeader(void* headers, MHD_ValueKind, const char* name, const char* value) noexcept {
  (*static_cast<std::map<std::string, std::string>*>(headers))[AsciiLower(name)] =
      value != nullptr ? value : "";
  return MHD_YES;
}

MHD_Result AddArgument(void* query, MHD_ValueKind, const char* name, const char* value) noexcept {
  (*static_cast<std::map<std::string, std::string>*>(query))[PercentDecode(name)] =
      PercentDecode(value != nullptr ? value : "");
  return MHD_YES;
}

HttpRequest HeadOf(MHD_Connection* connection, const char* method, const char* url) {
  HttpRequest request{method, url, {}};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, AddHeader, &request.headers);
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, AddArgument, &request.query);
  request.content_type = request.Header("content-type");
  return request;
}

// Keeps libmicrohttpd from decoding %2F in a path, which would move the borders of its parts.
std::size_t KeepEncoded(void*, MHD_Connection*, char* text) noexcept {
  return std::strlen(text);
}

}  // namespace

// The server of libmicrohttpd, and the requests that are with the handler.
class HttpServer::Daemon {
 public:
  Daemon(Handler handler, Settings settings)
      : handler_(std::move(handler)), settings_(std::move(settings)), watch_(settings_.limits) {}
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
  static void OnConnection(void* self, MHD_Connection* connection, void**,
                           MHD_ConnectionNotificationCode code) noexcept;

  bool IsBelieved(MHD_Connection* connection) const;
  std::unique_ptr<Conversation> Begin(MHD_Connection* connection, const char* method,
                                      const char* url);
  // False: the client goes on and on.
  bool AddToBody(std::string_view bytes, Conversation& conversation);
  MHD_Result Respond(MHD_Connection* connection, Conversation& conversation,
                     const HttpResponse& response) REPOSFS_EXCLUDES(mutex_);
  void Handle(MHD_Connection* connection, Conversation& conversation) REPOSFS_EXCLUDES(mutex_);
  void Forget(const Conversation& ended) REPOSFS_EXCLUDES(mutex_);

  const Handler handler_;
  const Settings settings_;
  MHD_Daemon* raw_ = nullptr;

  ConnectionWatch watch_;
  std::atomic<std::size_t> bodies_bytes_{0};  // A sum that orders nothing else, so relaxed.

  Mutex mutex_;  // A leaf lock.
  CondVar fewer_;
  std::set<AnswerPtr> with_handler_ REPOSFS_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<ResponseStream>> leaving_ REPOSFS_GUARDED_BY(mutex_);
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
};

Status HttpServer::Daemon::Start(UniqueFd listening, const std::string& address) {
  if (::listen(listening.get(), kBacklog) != 0) return ErrnoError(errno, "listen on " + address);
  unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  std::vector<MHD_OptionItem> tls = TlsOptions(settings_.tls);
  if (!settings_.tls.certificate.empty()) flags |= MHD_USE_TLS;
  raw_ = MHD_start_daemon(
      flags, 0, nullptr, nullptr, OnRequest, this, MHD_OPTION_LISTEN_SOCKET, listening.get(),
      MHD_OPTION_THREAD_POOL_SIZE, kThreadCount, MHD_OPTION_CONNECTION_LIMIT, kConnectionCountMax,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutS, MHD_OPTION_NOTIFY_COMPLETED, OnCompleted, this,
      MHD_OPTION_NOTIFY_CONNECTION, OnConnection, this, MHD_OPTION_UNESCAPE_CALLBACK, KeepEncoded,
      nullptr, MHD_OPTION_ARRAY, tls.data(), MHD_OPTION_END);
  if (raw_ == nullptr) return Error{Errc::kIo, "HTTP server not started on " + address};
  listening.release();  // MHD_stop_daemon() closes it.
  return {};
}

HttpServer::Daemon::~Daemon() {
  if (raw_ == nullptr) return;
  std::set<AnswerPtr> unanswered;
  std::set<std::shared_ptr<ResponseStream>> leaving;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    unanswered = with_handler_;
    leaving = leaving_;
  }
  // libmicrohttpd must not end with a connection suspended.
  for (const AnswerPtr& answer : unanswered) answer->Give(StoppingAnswer());
  for (const auto& stream : leaving) stream->Cut();
  {
    const auto end = std::chrono::steady_clock::now() + kLastAnswersMax;
    MutexLock lock(mutex_);
    while (!with_handler_.empty() || !leaving_.empty()) {
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
  auto& daemon = *static_cast<Daemon*>(self);
  auto* conversation = static_cast<Conversation*>(*per_request);
  if (conversation == nullptr) {
    conversation = daemon.Begin(connection, method, url).release();
    *per_request = conversation;
    if (!daemon.IsBelieved(connection)) return Send(connection, NoCertificateAnswer());
    // At once, if it says so itself.
    return conversation->too_large ? Send(connection, TooLargeAnswer()) : MHD_YES;
  }
  if (*upload_size > 0) {
    daemon.watch_.Received(SocketOf(connection), *upload_size);
    const bool bearable = daemon.AddToBody({upload, *upload_size}, *conversation);
    *upload_size = 0;
    return bearable ? MHD_YES : MHD_NO;
  }
  daemon.watch_.Whole(SocketOf(connection));
  if (conversation->too_large) return Send(connection, TooLargeAnswer());
  if (conversation->no_room) return Send(connection, NoRoomAnswer());
  // Called once with the whole request, and once more when a suspended one has its answer.
  if (!conversation->answer) daemon.Handle(connection, *conversation);
  const auto response = conversation->answer->Take();
  return response ? daemon.Respond(connection, *conversation, *response) : MHD_YES;
}

bool HttpServer::Daemon::IsBelieved(MHD_Connection* connection) const {
  if (settings_.tls.client_ca.empty()) return true;
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return info != nullptr && HasShownCertificate(info->tls_session);
}

std::unique_ptr<Conversation> HttpServer::Daemon::Begin(MHD_Connection* connection,
                                                        const char* method, const char* url) {
  auto conversation = std::make_unique<Conversation>();
  conversation->request = HeadOf(connection, method, url);
  if (settings_.body_max_bytes) {
    conversation->body_max_bytes = settings_.body_max_bytes(conversation->request);
  }
  const std::string length = conversation->request.Header("content-length");
  std::uint64_t announced_bytes = 0;
  std::from_chars(length.data(), length.data() + length.size(), announced_bytes);
  conversation->too_large = announced_bytes > conversation->body_max_bytes;
  return conversation;
}

bool HttpServer::Daemon::AddToBody(std::string_view bytes, Conversation& conversation) {
  std::string& body = conversation.request.body;
  if (!conversation.too_large && !conversation.no_room) {
    conversation.counted_bytes += bytes.size();
    const std::size_t all = bodies_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    conversation.too_large = body.size() + bytes.size() > conversation.body_max_bytes;
    conversation.no_room = all + bytes.size() > kBodiesMaxBytes;
  }
  if (!conversation.too_large && !conversation.no_room) {
    body.append(bytes);
    return true;
  }
  std::string().swap(body);
  conversation.discarded_bytes += bytes.size();
  return conversation.discarded_bytes <= kDiscardedMaxBytes;
}

MHD_Result HttpServer::Daemon::Respond(MHD_Connection* connection, Conversation& conversation,
                                       const HttpResponse& response) {
  if (!response.stream) return Send(connection, response);
  conversation.stream = std::make_shared<ResponseStream>(
      response.stream, [connection] { MHD_suspend_connection(connection); },
      [connection] { MHD_resume_connection(connection); });
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    leaving_.insert(conversation.stream);
  }
  if (stopping) conversation.stream->Cut();
  return Send(connection, response, conversation.stream);
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

void HttpServer::Daemon::OnCompleted(void* self, MHD_Connection* connection, void** per_request,
                                     MHD_RequestTerminationCode) noexcept {
  auto& daemon = *static_cast<Daemon*>(self);
  const std::unique_ptr<Conversation> ended(static_cast<Conversation*>(*per_request));
  *per_request = nullptr;
  daemon.watch_.Answered(SocketOf(connection));
  if (!ended) return;
  daemon.bodies_bytes_.fetch_sub(ended->counted_bytes, std::memory_order_relaxed);
  if (ended->stream) ended->stream->Close();
  daemon.Forget(*ended);
}

void HttpServer::Daemon::OnConnection(void* self, MHD_Connection* connection, void**,
                                      MHD_ConnectionNotificationCode code) noexcept {
  ConnectionWatch& watch = static_cast<Daemon*>(self)->watch_;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) watch.Opened(SocketOf(connection));
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) watch.Closed(SocketOf(connection));
}

void HttpServer::Daemon::Forget(const Conversation& ended) {
  MutexLock lock(mutex_);
  with_handler_.erase(ended.answer);
  leaving_.erase(ended.stream);
  fewer_.NotifyAll();
}

HttpServer::HttpServer(std::string address, std::unique_ptr<Daemon> daemon)
    : address_(std::move(address)), daemon_(std::move(daemon)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Serve(UniqueFd listening, std::string address,
                                                      Handler handler, Settings settings) {
  auto daemon = std::make_unique<Daemon>(std::move(handler), std::move(settings));
  if (auto started = daemon->Start(std::move(listening), address); !started) {
    return std::move(started).error();
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(address), std::move(daemon)));
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenUnix(const std::filesystem::path& path,
                                                           Handler handler) {
  auto fd = BindUnix(path);
  if (!fd) return std::move(fd).error();
  return Serve(std::move(*fd), path.string(), std::move(handler), {});
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenTcp(const std::string& address,
                                                          Handler handler, Settings settings) {
  auto fd = BindTcp(address);
  if (!fd) return std::move(fd).error();
  std::string bound = BoundAddress(fd->get(), address);
  return Serve(std::move(*fd), std::move(bound), std::move(handler), std::move(settings));
}

}  // namespace reposfs
