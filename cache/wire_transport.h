// The Transport that speaks git's protocol v2 itself: over HTTP, ssh, and to a local upload-pack.
//
// What it saves beside the `git` command: a server costs two exchanges, ls-refs and fetch, on a
// connection that is kept, and no process on this machine.  Over HTTP an unknown server is not
// asked first what it can do: nearly every one understands ls-refs at once.  One that answers
// anything else is asked then, and what it says is remembered.  Servers that do not speak version
// 2, settings that only git can follow, and all of them with `fetch.client: git`, are left to
// another Transport; nodes of a ring never are.
#pragma once

#include <memory>

#include "cache/http_connection.h"
#include "cache/options.h"
#include "cache/pack_receiver.h"
#include "cache/server_memory.h"
#include "cache/transport.h"
#include "cache/wire_connection.h"

namespace reposfs {

class WireTransport final : public Transport {
 public:
  WireTransport(const FetchOptions& limits, std::unique_ptr<Transport> fallback,
                PackSinkOpener open_sink);

  Result<ListedRefs> ListRefs(const Source& source,
                              const std::function<Status()>& keep_going) override;
  Status Fetch(const FetchRequest& request) override;
  void Prepare(const HostOptions& host, const std::function<Status()>& keep_going) override;

 private:
  class Exchange;
  class RefsExchange;
  class FetchExchange;

  // Runs `exchange` with the server of `source`, once more if what was believed of the server
  // proves wrong.  Returns false, having run nothing, if the server is one for the fallback.
  Result<bool> Converse(const Source& source, TransferMeter& meter, Exchange& exchange);
  Result<bool> ConverseOver(WireConnection& connection, const Source& source, Exchange& exchange);
  static Error NotSpoken(const Source& source);
  Result<std::unique_ptr<WireConnection>> Open(const Source& source, TransferMeter& meter);
  Result<WireCapabilities> AskCapabilities(WireConnection& connection, const Source& source);

  const FetchOptions limits_;
  const std::unique_ptr<Transport> fallback_;
  const PackSinkOpener open_sink_;

  HttpAccess http_;
  ServerMemory memory_;
};

}  // namespace reposfs
