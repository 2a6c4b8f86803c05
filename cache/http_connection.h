// A WireConnection to a smart HTTP server (gitprotocol-http(5)).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cache/http_client.h"
#include "cache/http_credentials.h"
#include "cache/http_settings.h"
#include "cache/wire_connection.h"

namespace reposfs {

// What all HTTP connections share.
//
// Thread-safety: every method of its members may be called from any thread.
struct HttpAccess {
  explicit HttpAccess(const FetchOptions& limits)
      : git(limits), settings(git), credentials(limits, git) {}

  HttpClient client;
  GitSettingsReader git;
  HttpSettingsReader settings;
  HttpCredentials credentials;
};

class HttpConnection final : public WireConnection {
 public:
  // `access` and `meter` must outlive it.  Errors: those of HttpSettingsReader.
  static Result<std::unique_ptr<WireConnection>> Open(const Source& source, HttpAccess& access,
                                                      TransferMeter& meter);

  bool can_skip_advertisement() const override { return true; }
  // What is not smart HTTP makes `reader` complete, too: it does not speak version 2.
  Status Advertise(AdvertisementReader& reader) override;
  Status Request(std::string_view message, WireReader& reader) override;
  bool answered() const override { return answered_; }
  milliseconds answer_age() const override { return answer_age_; }

 private:
  HttpConnection(const Source& source, HttpSettings settings, HttpAccess& access,
                 TransferMeter& meter);

  // Performs `request` when it is its turn.
  Result<HttpAnswer> Send(const UpstreamRequest& request, WireReader& reader);
  // Performs `request` as whom the server wants us to be.
  Result<HttpAnswer> Perform(UpstreamRequest request, WireReader& reader);
  // After a first refusal: who else we could be.
  Result<HttpAnswer> PerformWithCredential(UpstreamRequest request, WireReader& reader);

  const Source source_;
  const HttpSettings settings_;
  HttpAccess& access_;
  TransferMeter& meter_;
  bool answered_ = false;
  milliseconds answer_age_{0};
};

// What an answer that is not what was asked for means.
Error HttpStatusError(const HttpAnswer& answer, const Source& source);

}  // namespace reposfs
