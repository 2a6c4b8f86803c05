// A certificate authority of a test's own, made by openssl.
//
// Thread-safety: none.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace reposfs::testing {

// A certificate and its key, as files.
struct Certificate {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

class CertificateAuthority {
 public:
  CertificateAuthority();

  // What those who trust it are given: a file in PEM format.
  std::filesystem::path file() const { return directory_ / "ca.pem"; }

  // For a server at 127.0.0.1.
  Certificate IssueForServer() { return Issue("server", "subjectAltName=IP:127.0.0.1"); }
  // For a server at a name that is not ours.
  Certificate IssueForOtherServer() { return Issue("other", "subjectAltName=DNS:other.invalid"); }
  Certificate IssueForClient() { return Issue("client", "extendedKeyUsage=clientAuth"); }
  // The same with a key that only `pass_phrase` opens.
  Certificate IssueForClient(const std::string& pass_phrase);

 private:
  Certificate Issue(const std::string& name, const std::string& extension);

  TempDir directory_{"certificates"};
};

}  // namespace reposfs::testing
