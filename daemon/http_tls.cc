#include "daemon/http_tls.h"

#include <gnutls/gnutls.h>

#include <memory>
#include <string_view>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

constexpr std::uint64_t kPemMaxBytes = 1u << 20;

struct CredentialsDeleter {
  void operator()(gnutls_certificate_credentials_t credentials) const noexcept {
    gnutls_certificate_free_credentials(credentials);
  }
};
using Credentials = std::unique_ptr<gnutls_certificate_credentials_st, CredentialsDeleter>;

gnutls_datum_t DatumOf(const std::string& pem) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(pem.data())),
          static_cast<unsigned>(pem.size())};
}

Result<std::string> ReadPem(const std::filesystem::path& path, std::string_view what) {
  if (path.empty()) return std::string();
  auto pem = ReadFile(path, kPemMaxBytes);
  if (!pem) return std::move(pem).error().Within(what);
  return pem;
}

// What is wrong is told here, since libmicrohttpd only says no.
Status Check(const HttpTls& tls, const HttpTlsFiles& files) {
  gnutls_certificate_credentials_t raw = nullptr;
  if (gnutls_certificate_allocate_credentials(&raw) != 0) return Error{Errc::kIo, "out of memory"};
  const Credentials credentials(raw);
  const gnutls_datum_t certificate = DatumOf(tls.certificate);
  const gnutls_datum_t key = DatumOf(tls.key);
  int code = gnutls_certificate_set_x509_key_mem(raw, &certificate, &key, GNUTLS_X509_FMT_PEM);
  if (code < 0) {
    return Error{Errc::kInvalidArgument,
                 "http.tls: " + files.certificate.string() + " and " + files.key.string() +
                     " are no certificate and its key in PEM: " + gnutls_strerror(code)};
  }
  if (tls.client_ca.empty()) return {};
  const gnutls_datum_t client_ca = DatumOf(tls.client_ca);
  code = gnutls_certificate_set_x509_trust_mem(raw, &client_ca, GNUTLS_X509_FMT_PEM);
  if (code > 0) return {};
  return Error{Errc::kInvalidArgument,
               "http.tls.clientCaFile: " + files.client_ca.string() + " has no certificate in PEM"};
}

}  // namespace

Result<HttpTls> ReadHttpTls(const HttpTlsFiles& files) {
  HttpTls tls;
  const std::pair<std::string*, Result<std::string>> all[] = {
      {&tls.certificate, ReadPem(files.certificate, "http.tls.certificateFile")},
      {&tls.key, ReadPem(files.key, "http.tls.keyFile")},
      {&tls.client_ca, ReadPem(files.client_ca, "http.tls.clientCaFile")},
  };
  for (const auto& [to, pem] : all) {
    if (!pem) return pem.error();
    *to = *pem;
  }
  if (files.certificate.empty()) return tls;
  if (auto good = Check(tls, files); !good) return std::move(good).error();
  return tls;
}

bool HasShownCertificate(void* session) {
  unsigned problems = 0;
  const int code =
      gnutls_certificate_verify_peers2(static_cast<gnutls_session_t>(session), &problems);
  return code == 0 && problems == 0;
}

}  // namespace reposfs
