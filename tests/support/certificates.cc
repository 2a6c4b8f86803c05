#include "tests/support/certificates.h"

#include "tests/support/command.h"
#include "tests/support/files.h"

namespace reposfs::testing {

CertificateAuthority::CertificateAuthority() {
  Output({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes", "-days", "2", "-subj", "/CN=authority of a test", "-keyout",
          (directory_ / "ca.key").string(), "-out", file().string()});
}

Certificate CertificateAuthority::Issue(const std::string& name, const std::string& extension) {
  const Certificate issued{directory_ / (name + ".pem"), directory_ / (name + ".key")};
  const std::string request = (directory_ / (name + ".request")).string();
  const std::string extensions = (directory_ / (name + ".extensions")).string();
  WriteFile(extensions, extension + "\n");
  Output({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
          "-subj", "/CN=" + name, "-keyout", issued.key.string(), "-out", request});
  Output({"openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", file().string(), "-CAkey",
          (directory_ / "ca.key").string(), "-CAcreateserial", "-extfile", extensions, "-out",
          issued.certificate.string()});
  return issued;
}

Certificate CertificateAuthority::IssueForClient(const std::string& pass_phrase) {
  Certificate issued = IssueForClient();
  const std::filesystem::path locked = issued.key.string() + ".locked";
  Output({"openssl", "pkey", "-in", issued.key.string(), "-aes256", "-passout",
          "pass:" + pass_phrase, "-out", locked.string()});
  issued.key = locked;
  return issued;
}

}  // namespace reposfs::testing
