// TLS of the HTTP interface: its certificate, and whose certificates it believes.
//
// Thread-safety: plain values and pure functions of files.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace reposfs {

// The contents of PEM files, each terminated as C wants it.
struct HttpTls {
  std::string certificate;  // Empty: no TLS.
  std::string key;
  std::string client_ca;  // Empty: clients need no certificate.
};

struct HttpTlsFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path client_ca;
};

// Reads them; empty paths are empty contents.  Errors: those of reading; kInvalidArgument if a file
// is not what it should be, or the key does not belong to the certificate.
Result<HttpTls> ReadHttpTls(const HttpTlsFiles& files);

// Whether the other side of `session`, a gnutls_session_t after its handshake, has shown a
// certificate that the session's credentials believe, and that is valid now.
bool HasShownCertificate(void* session);

}  // namespace reposfs
