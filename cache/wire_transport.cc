#include "cache/wire_transport.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "cache/connectivity.h"
#include "cache/pipe_connection.h"
#include "cache/store_directory.h"

namespace reposfs {
namespace {

// Whether such an error may come from a server that can't do what it is believed to.
bool MayBeMisunderstanding(Errc code, const WireCapabilities& believed) {
  switch (code) {
    case Errc::kCorrupt:
    case Errc::kUnsupported:
    case Errc::kUnreachable:
    case Errc::kInvalidArgument:
      return true;
    case Errc::kNotFound:
    case Errc::kAccessDenied:
      // So may a server answer that has only files, and has never seen such a request.
      return believed.guessed;
    default:
      return false;
  }
}

Status CheckObjectFormat(const WireCapabilities& server) {
  if (server.object_format.empty() || server.object_format == "sha1") return {};
  return Error{Errc::kUnsupported,
               "the repository uses SHA-256 object ids, which are not supported yet"};
}

}  // namespace

// One request, given what the server can do.
class WireTransport::Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Status Run(WireConnection& connection, const WireCapabilities& server) = 0;
  // Whether it has brought so much that it is not to be run again.
  virtual bool begun() const = 0;
};

class WireTransport::RefsExchange final : public Exchange {
 public:
  Status Run(WireConnection& connection, const WireCapabilities& server) override {
    RefsReader reader;
    if (auto read = connection.Request(LsRefsRequest(server), reader); !read) return read;
    RefSnapshot refs = reader.TakeRefs();
    // Which branch an empty repository has is told only to who knows that it would be.
    if (server.guessed && refs.refs().empty() && refs.head_branch().empty()) {
      return Error{Errc::kUnsupported, "the repository is empty"};
    }
    listed_ = ListedRefs{std::move(refs), connection.answer_age()};
    return {};
  }
  bool begun() const override { return listed_.has_value(); }
  // REQUIRES: Run() has succeeded.
  ListedRefs Take() { return std::move(*listed_); }

 private:
  std::optional<ListedRefs> listed_;
};

class WireTransport::FetchExchange final : public Exchange {
 public:
  FetchExchange(const FetchRequest& request, const PackSinkOpener& open_sink, TransferMeter& meter)
      : request_(request), open_sink_(open_sink), meter_(meter) {
    fetch_.wants = request.wants;
    fetch_.depth = request.depth;
    fetch_.without_blobs = request.without_blobs;
    if (request.ignore_local) return;
    fetch_.haves = request.haves;
    fetch_.shallow = ReadShallowFile(request.staging / "shallow");
  }

  Status Run(WireConnection& connection, const WireCapabilities& server) override {
    if (fetch_.depth != FetchDepth::kAsIs && !server.shallow) {
      return Error{Errc::kUnsupported, "the server does not support shallow clones"};
    }
    PackReceiver receiver(request_.staging, request_.on_object, open_sink_, meter_);
    FetchReader reader(receiver, fetch_.depth);
    auto fetched = connection.Request(FetchMessage(server, fetch_), reader);
    begun_ = receiver.begun();
    return fetched ? receiver.Finish() : fetched;
  }
  bool begun() const override { return begun_; }

 private:
  const FetchRequest& request_;
  const PackSinkOpener& open_sink_;
  TransferMeter& meter_;
  WireFetch fetch_;
  bool begun_ = false;
};

WireTransport::WireTransport(const FetchOptions& limits, std::unique_ptr<Transport> fallback,
                             PackSinkOpener open_sink)
    : limits_(limits),
      fallback_(std::move(fallback)),
      open_sink_(std::move(open_sink)),
      http_(limits) {}

Result<ListedRefs> WireTransport::ListRefs(const Source& source,
                                           const std::function<Status()>& keep_going) {
  TransferMeter meter(source.url, limits_.stall_timeout, limits_.stall_timeout,
                      [&](const FetchProgress&) { return keep_going ? keep_going() : Status(); });
  RefsExchange exchange;
  auto spoken = Converse(source, meter, exchange);
  if (!spoken) return std::move(spoken).error();
  if (!*spoken && source.peer) return NotSpoken(source);
  if (!*spoken) return fallback_->ListRefs(source, keep_going);
  return exchange.Take();
}

Status WireTransport::Fetch(const FetchRequest& request) {
  TransferMeter meter(request.source.url, limits_.stall_timeout, limits_.total_timeout,
                      request.on_progress);
  FetchExchange exchange(request, open_sink_, meter);
  auto spoken = Converse(request.source, meter, exchange);
  if (!spoken) return std::move(spoken).error();
  if (!*spoken && request.source.peer) return NotSpoken(request.source);
  if (!*spoken) return fallback_->Fetch(request);
  // Of a single commit the caller looks at everything himself.
  if (request.without_blobs || request.depth == FetchDepth::kCommitOnly) return {};
  const bool was_shallow = request.depth == FetchDepth::kUnshallow;
  return CheckConnectivity(request.staging, request.wants,
                           was_shallow ? StoreIs::kShallow : StoreIs::kWhole, limits_,
                           [&] { return meter.WhileWorking(); });
}

void WireTransport::Prepare(const HostOptions& host, const std::function<Status()>& keep_going) {
  const std::string_view origin = OriginOf(host.url);
  if (limits_.client == FetchClient::kGit) return;
  // One that each owner has for himself is known only when it is asked for.
  if (!origin.starts_with("http") || origin.find('{') != std::string_view::npos) return;
  Source source;
  source.url = origin;
  source.host = host;
  static_cast<void>(http_.settings.For(source, keep_going));
}

Error WireTransport::NotSpoken(const Source& source) {
  return {Errc::kUnreachable, source.url +
                                  ": the node of the ring does not speak git's protocol "
                                  "version 2; run the same version of reposfs on all nodes"};
}

Result<bool> WireTransport::Converse(const Source& source, TransferMeter& meter,
                                     Exchange& exchange) {
  const bool only_git = limits_.client == FetchClient::kGit && !source.peer;
  const auto known = memory_.Find(source.url);
  if (only_git || (known && !known->version2)) return false;
  auto connection = Open(source, meter);
  // What we can't do, git may.
  if (!connection && connection.error().code == Errc::kUnsupported) return false;
  auto spoken = connection ? ConverseOver(**connection, source, exchange)
                           : Result<bool>(std::move(connection).error());
  if (spoken) return spoken;
  // Whatever it was told through, the one who ends a transfer gets his own words back.
  if (meter.failure()) return *meter.failure();
  return std::move(spoken).error().Within(source.url);
}

Result<bool> WireTransport::ConverseOver(WireConnection& connection, const Source& source,
                                         Exchange& exchange) {
  std::optional<WireCapabilities> believed;
  if (connection.can_skip_advertisement()) {
    believed = memory_.Find(source.url);
    if (!believed) believed = WireCapabilities::Guess();
  }
  while (true) {
    const bool asked = !believed.has_value();
    if (asked) {
      auto server = AskCapabilities(connection, source);
      if (!server) return std::move(server).error();
      believed = std::move(*server);
    }
    if (!believed->version2) return false;
    Status done = CheckObjectFormat(*believed);
    if (done) done = exchange.Run(connection, *believed);
    if (done) {
      if (believed->guessed) memory_.Remember(source.url, *believed);
      return true;
    }
    const bool ask_again = !asked && connection.answered() && !exchange.begun() &&
                           MayBeMisunderstanding(done.error().code, *believed);
    if (!ask_again) return std::move(done).error();
    believed.reset();
  }
}

Result<std::unique_ptr<WireConnection>> WireTransport::Open(const Source& source,
                                                            TransferMeter& meter) {
  const std::string scheme = source.url.substr(0, source.url.find(':'));
  if (scheme == "http" || scheme == "https") return HttpConnection::Open(source, http_, meter);
  if (scheme == "ssh" || scheme == "file") return PipeConnection::Open(source, limits_, meter);
  return Error{Errc::kUnsupported, "scheme " + scheme};
}

Result<WireCapabilities> WireTransport::AskCapabilities(WireConnection& connection,
                                                        const Source& source) {
  AdvertisementReader reader;
  if (auto read = connection.Advertise(reader); !read) return std::move(read).error();
  const WireCapabilities& server = reader.capabilities();
  const bool is_first = memory_.Remember(source.url, server);
  if (is_first && !server.version2) {
    spdlog::info("no protocol v2, the git command talks to it host={}", OriginOf(source.url));
  }
  return server;
}

}  // namespace reposfs
