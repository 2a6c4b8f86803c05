#include "daemon/git_service_options.h"

#include <utility>

#include "daemon/secret_file.h"

namespace reposfs {
Result<GitService::Options> MakeGitServiceOptions(const Config& config) {
  GitService::Options options;
  options.node_id = config.ring.node_id;
  options.scratch = config.cache.directory / "tmp";
  if (config.http.serve_git == ServeGit::kOff) return options;
  // With it, whoever reaches us at all has shown a certificate.
  const bool shown = !config.http.tls.client_ca_file.empty();
  const bool by_token =
      config.http.serve_git == ServeGit::kToken && !shown && !config.ring.token_file.empty();
  options.access = by_token ? GitService::Access::kToken : GitService::Access::kAnyone;
  if (!by_token) return options;
  auto token = ReadSecret(config.ring.token_file);
  if (!token) return std::move(token).error().Within("ring.tokenFile");
  options.token = std::move(*token);
  return options;
}

}  // namespace reposfs
