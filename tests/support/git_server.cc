#include "tests/support/git_server.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

std::string WithSuffix(std::string_view name) {
  return std::string(name) + ".git";
}

// The payloads of the pkt-lines of `body`, up to the first that is none.
std::vector<std::string> PktLines(const std::string& body) {
  constexpr std::size_t kHeader = 4;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at + kHeader <= body.size();) {
    const std::size_t length = std::strtoul(body.substr(at, kHeader).c_str(), nullptr, 16);
    if (length >= kHeader) lines.push_back(body.substr(at + kHeader, length - kHeader));
    at += std::max(length, kHeader);
  }
  return lines;
}

void ReadBody(const std::string& body, GitRequest& request) {
  for (std::string line : PktLines(body)) {
    while (!line.empty() && line.back() == '\n') line.pop_back();
    if (line.starts_with("command=")) request.command = line.substr(8);
    if (line.starts_with("want ")) ++request.want_count;
    if (line.starts_with("filter ")) request.filter = line.substr(7);
    if (line.starts_with("deepen")) request.deepen = true;
  }
  if (request.command.empty() && request.want_count > 0) request.command = "fetch";
}

std::string PasswordLine() {
  return std::string(GitServer::kUser) + ":" + std::string(GitServer::kPassword);
}

}  // namespace

GitServer::GitServer(std::string address, Argv enter)
    : address_(std::move(address)),
      enter_(std::move(enter)),
      root_(directory_ / "repositories"),
      state_(directory_ / "state"),
      port_(FreePort()) {
  fs::create_directories(root_);
  fs::create_directories(state_ / "bodies");
  WriteConfiguration();
  Start();
}

GitServer::~GitServer() {
  Stop();
}

std::string GitServer::Url(std::string_view name) const {
  return "http://" + address_ + ":" + std::to_string(port_) + "/" + WithSuffix(name);
}

std::string GitServer::PrivateUrlTemplate() const {
  return "http://" + address_ + ":" + std::to_string(port_) + "/private/{owner}/{name}.git";
}

std::string GitServer::StaticUrlTemplate() const {
  return "http://" + address_ + ":" + std::to_string(port_) + "/static/{owner}/{name}.git";
}

fs::path GitServer::Path(std::string_view name) const {
  return root_ / WithSuffix(name);
}

fs::path GitServer::Create(std::string_view name) {
  const fs::path repository = Path(name);
  fs::create_directories(repository.parent_path());
  fs::create_directories(state_ / WithSuffix(name));
  Output({"git", "init", "-q", "--bare", "--initial-branch=main", repository.string()});
  Git(repository, {"config", "uploadpack.allowFilter", "true"});
  Git(repository, {"config", "uploadpack.allowAnySHA1InWant", "true"});
  return repository;
}

fs::path GitServer::Adopt(std::string_view name, const fs::path& repository) {
  fs::create_directories(Path(name).parent_path());
  fs::create_directories(state_ / WithSuffix(name));
  fs::create_directory_symlink(fs::absolute(repository), Path(name));
  return Path(name);
}

std::vector<GitRequest> GitServer::Requests(std::string_view name) const {
  std::vector<GitRequest> requests;
  std::istringstream lines(ReadFile(state_ / "requests"));
  GitRequest request;
  for (std::string id; lines >> request.kind >> request.repository >> request.client >> id;
       request = {}) {
    if (!name.empty() && request.repository != WithSuffix(name)) continue;
    if (request.kind == "pack") ReadBody(ReadFile(state_ / "bodies" / id), request);
    requests.push_back(request);
  }
  return requests;
}

std::vector<GitRequest> GitServer::Fetches(std::string_view name) const {
  std::vector<GitRequest> fetches = Requests(name);
  std::erase_if(fetches, [](const GitRequest& request) { return request.command != "fetch"; });
  return fetches;
}

void GitServer::ForgetRequests() {
  fs::remove(state_ / "requests");
}

void GitServer::SetControl(std::string_view name, std::string_view control,
                           std::string_view value) {
  const fs::path place = name.empty() ? state_ : state_ / WithSuffix(name);
  const fs::path file = place / control;
  if (value.empty()) {
    fs::remove(file);
    return;
  }
  fs::create_directories(place);
  const fs::path next = file.string() + ".next";
  WriteFile(next, value);
  fs::rename(next, file);
}

void GitServer::Hold(std::string_view name, std::string_view regex, std::string_view spare) {
  SetControl(name, "spare", spare);
  SetControl(name, "hold", regex);
}

void GitServer::Release(std::string_view name) {
  SetControl(name, "hold", {});
}

void GitServer::SetDelay(std::string_view name, std::string_view seconds) {
  SetControl(name, "delay", seconds);
}

void GitServer::SetFailure(std::string_view name, std::string_view status) {
  SetControl(name, "fail", status);
}

void GitServer::SetCut(std::string_view name, std::string_view bytes) {
  SetControl(name, "cut", bytes);
}

void GitServer::SetOld(std::string_view name) {
  SetControl(name, "old", "yes");
}

void GitServer::WriteConfiguration() {
  const std::string directory = directory_.path().string();
  const std::string backend = std::string(REPOSFS_SOURCE_DIR) + "/tests/support/git_backend.sh";
  WriteFile(directory_ / "passwords", PasswordLine() + "\n");
  std::ostringstream text;
  text << "server.modules = (\"mod_setenv\", \"mod_alias\", \"mod_auth\", \"mod_authn_file\", "
          "\"mod_cgi\")\n"
       << "server.document-root = \"" << root_.string() << "\"\n"
       << "server.bind = \"" << address_ << "\"\n"
       << "server.port = " << port_ << "\n"
       << "server.upload-dirs = (\"" << directory << "\")\n"
       << "server.max-fds = 2048\n"
       << "server.max-keep-alive-requests = 1000\n"
       << "server.stream-response-body = 2\n"
       << "$HTTP[\"url\"] !~ \"^/static/\" { cgi.assign = (\"\" => \"\") }\n"
       << "alias.url = (\"/static/\" => \"" << root_.string() << "/\", \"/private/\" => \""
       << backend << "/\", \"/\" => \"" << backend << "/\")\n"
       << "setenv.set-environment = (\"GIT_PROJECT_ROOT\" => \"" << root_.string()
       << "\", \"GIT_HTTP_EXPORT_ALL\" => \"1\", \"REPOSFS_STATE\" => \"" << state_.string()
       << "\", \"PATH\" => \"/usr/local/bin:/usr/bin:/bin\")\n"
       << "auth.backend = \"plain\"\n"
       << "auth.backend.plain.userfile = \"" << directory << "/passwords\"\n"
       << "auth.require = (\"/private/\" => (\"method\" => \"basic\", \"realm\" => \"git\", "
          "\"require\" => \"valid-user\"))\n";
  WriteFile(directory_ / "lighttpd.conf", text.str());
}

Argv GitServer::Entered(const Argv& argv) const {
  Argv entered = enter_;
  entered.insert(entered.end(), argv.begin(), argv.end());
  return entered;
}

void GitServer::Start() {
  const std::string path = std::string("/usr/sbin:/sbin:") + std::getenv("PATH");
  RunOptions options;
  options.environment = {"PATH=" + path};
  server_ = ChildProcess::Start(
      Entered({"/usr/sbin/lighttpd", "-D", "-f", (directory_ / "lighttpd.conf").string()}),
      directory_ / "lighttpd.log", options);
  const bool listening = WaitUntil(
      [&] {
        const Argv probe =
            Entered({"/bin/bash", "-c", "exec 3<>/dev/tcp/$0/$1", address_, std::to_string(port_)});
        return !server_.running() || Execute(probe).ok();
      },
      std::chrono::seconds(20));
  if (!listening || !server_.running()) {
    ADD_FAILURE() << "lighttpd did not start: " << ReadFile(directory_ / "lighttpd.log");
  }
}

void GitServer::Stop() {
  server_.Kill();
}

}  // namespace reposfs::testing
