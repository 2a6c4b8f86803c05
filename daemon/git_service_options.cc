#include "daemon/git_service_options.h"

#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

constexpr std::uint64_t kTokenFileMaxBytes = 4096;

Result<std::string> ReadToken(const std::filesystem::path& path) {
  auto text = ReadFile(path, kTokenFileMaxBytes);
  if (!text) return std::move(text).error().Within("ring.tokenFile");
  std::string token = text->substr(0, text->find_first_of("\r\n"));
  if (!token.empty()) return token;
  return Error{Errc::kInvalidArgument,
               "ring.tokenFile: " + path.string() + " is empty; put a secret into its first line"};
}

}  // namespace

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
  auto token = ReadToken(config.ring.token_file);
  if (!token) return std::move(token).error();
  options.token = std::move(*token);
  return options;
}

}  // namespace reposfs
