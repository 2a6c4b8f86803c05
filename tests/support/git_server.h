// A real git host, on the loopback interface unless a test says otherwise: lighttpd in front of
// `git http-backend`.
//
// It serves bare repositories below root(), as http://127.0.0.1:<port>/<owner>/<name>.git, counts
// what it was asked, and can be made to wait, fail, or go away.  The part that counts and
// misbehaves is git_backend.sh; its state is files, so a change holds for the next request.
//
// Thread-safety: none, but requests may come while any method runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {

// One HTTP request as the server saw it.
struct GitRequest {
  // "info" (the list of refs, or of capabilities), "pack" (a POST), or "other".
  std::string kind;
  // "<owner>/<name>.git"
  std::string repository;
  // The address that asked.
  std::string client;
  // "ls-refs" or "fetch" for a POST.
  std::string command;
  std::size_t want_count = 0;
  // What follows `filter `, if anything.
  std::string filter;
  bool deepen = false;
};

class GitServer {
 public:
  // Starts at once.  It stops, and its repositories are removed, at destruction.
  GitServer() : GitServer("127.0.0.1", {}) {}
  // On another machine (tests/support/network.h).
  GitServer(std::string address, Argv enter);
  ~GitServer();

  const std::filesystem::path& root() const { return root_; }
  std::uint16_t port() const { return port_; }
  // For `hosts.<name>.url` in the configuration.
  std::string UrlTemplate() const { return Url("{owner}/{name}"); }
  // The same repositories behind a user name and a password (kUser, kPassword).
  std::string PrivateUrlTemplate() const;
  // The same repositories as plain files, as a web server without git serves them.
  std::string StaticUrlTemplate() const;
  // `name` is "<owner>/<name>".
  std::string Url(std::string_view name) const;
  static constexpr std::string_view kUser = "ada";
  static constexpr std::string_view kPassword = "correct-horse";

  // A new bare repository that allows filters and wants of any object.  Returns its directory.
  std::filesystem::path Create(std::string_view name);
  // Where Create(name) puts it.
  std::filesystem::path Path(std::string_view name) const;
  // Serves a directory from elsewhere under `name`.
  std::filesystem::path Adopt(std::string_view name, const std::filesystem::path& repository);

  // Everything asked so far, in order of arrival, of one repository or of all.
  std::vector<GitRequest> Requests(std::string_view name = {}) const;
  // Those of Requests() that ask for a pack.
  std::vector<GitRequest> Fetches(std::string_view name = {}) const;
  void ForgetRequests();

  // Requests of `name` (empty: of all) whose text matches the extended regular expression `regex`,
  // but not `spare`, wait until Release().  The text is the body of a POST, or "info".
  void Hold(std::string_view name, std::string_view regex, std::string_view spare = {});
  // Holds every pack with blobs in it but those asked for by object id: `name` stays at stage tip.
  void HoldContent(std::string_view name) { Hold(name, "deepen", "filter "); }
  void Release(std::string_view name = {});
  void SetDelay(std::string_view name, std::string_view seconds);
  // `status` is an HTTP status and its reason, perhaps with more header lines; empty: no failure.
  void SetFailure(std::string_view name, std::string_view status);
  void SetCut(std::string_view name, std::string_view bytes);
  // From now on it speaks protocol version 0 only.
  void SetOld(std::string_view name);

  // An outage: nobody listens on the port any more, and every connection is gone.
  void Stop();
  void Start();

 private:
  void SetControl(std::string_view name, std::string_view control, std::string_view value);
  void WriteConfiguration();
  // `argv` as it is run on the server's machine.
  Argv Entered(const Argv& argv) const;

  const std::string address_;
  const Argv enter_;
  TempDir directory_{"server"};
  std::filesystem::path root_;
  std::filesystem::path state_;
  std::uint16_t port_ = 0;
  ChildProcess server_;
};

}  // namespace reposfs::testing
