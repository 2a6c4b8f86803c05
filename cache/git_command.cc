#include "cache/git_command.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "cache/git_trace.h"

namespace reposfs {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

// Checks of arriving objects that are not made.  What is only harmful to show is hidden by
// ParseTree(), so that the rest of such a repository still works; what is malformed is refused.
constexpr const char* kForgiven[] = {"badTimezone",
                                     "missingSpaceBeforeDate",
                                     "zeroPaddedFilemode",
                                     "hasDot",
                                     "hasDotdot",
                                     "hasDotgit",
                                     "fullPathname",
                                     "emptyName",
                                     "duplicateEntries",
                                     "treeNotSorted",
                                     "badFilemode",
                                     "nullSha1",
                                     "gitmodulesBlob",
                                     "gitmodulesLarge",
                                     "gitmodulesMissing",
                                     "gitmodulesName",
                                     "gitmodulesParse",
                                     "gitmodulesPath",
                                     "gitmodulesSymlink",
                                     "gitmodulesUpdate",
                                     "gitmodulesUrl",
                                     "gitattributesBlob",
                                     "gitattributesLarge",
                                     "gitattributesLineLength",
                                     "gitattributesMissing",
                                     "missingEmail",
                                     "badEmail",
                                     "badName",
                                     "missingNameBeforeEmail",
                                     "missingSpaceBeforeEmail",
                                     "zeroPaddedDate",
                                     "badDate",
                                     "badDateOverflow",
                                     "multipleAuthors",
                                     "missingTaggerEntry",
                                     "badTagName",
                                     "extraHeaderEntry",
                                     "nulInCommit"};

void AddObjectChecks(Settings& settings) {
  settings.emplace_back("fetch.fsckObjects", "true");
  for (const char* check : kForgiven) {
    settings.emplace_back(std::string("fetch.fsck.") + check, "ignore");
  }
}

Settings SafeSettings(const FetchOptions& limits) {
  const auto stall = std::chrono::duration_cast<std::chrono::seconds>(limits.stall_timeout).count();
  return {
      {"core.hooksPath", "/dev/null"},
      {"core.fsmonitor", "false"},
      {"core.askPass", ""},
      {"core.gitProxy", ""},
      {"core.alternateRefsCommand", "true"},
      {"gc.auto", "0"},
      {"maintenance.auto", "false"},
      {"fetch.recurseSubmodules", "false"},
      {"fetch.writeCommitGraph", "false"},
      {"fetch.unpackLimit", "1"},
      {"transfer.credentialsInUrl", "die"},
      {"transfer.bundleURI", "false"},
      {"http.followRedirects", "false"},
      {"http.lowSpeedLimit", "1"},
      {"http.lowSpeedTime", std::to_string(std::max<std::int64_t>(stall, 1))},
      {"protocol.version", "2"},
      {"safe.bareRepository", "all"},
  };
}

// `text` as one word of a shell command: git hands both of the following to a shell.
std::string ShellQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void AddSource(Settings& settings, const Source& source) {
  const std::string remote = std::string("remote.") + kRemoteName + ".";
  settings.emplace_back(remote + "url", source.url);
  // git's upload-pack refuses a local repository of another user unless told otherwise; the
  // configuration named this very one.
  constexpr std::string_view kFile = "file://";
  if (source.url.starts_with(kFile)) {
    settings.emplace_back("safe.directory", source.url.substr(kFile.size()));
    settings.emplace_back("safe.directory", source.url.substr(kFile.size()) + "/.git");
  }
  if (!source.host.credentials_file.empty()) {
    settings.emplace_back("credential.helper", "");
    settings.emplace_back("credential.helper",
                          "store --file=" + ShellQuoted(source.host.credentials_file.string()));
  }
}

// git hands the command to a shell.
std::string SshCommand(const Source* source) {
  std::string command;
  for (const std::string& argument : SshArguments(source)) {
    command += (command.empty() ? "" : " ") + ShellQuoted(argument);
  }
  return command;
}

// Settings travel in the environment (git-config(1), GIT_CONFIG_COUNT): unlike arguments, other
// users can't read it.
std::vector<std::string> Environment(const Settings& settings, const Source* source) {
  std::vector<std::string> environment = {
      "LC_ALL=C",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_ASKPASS=",
      "SSH_ASKPASS=",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_ADVICE=0",
      "GIT_CONFIG_COUNT=" + std::to_string(settings.size()),
      "GIT_SSH_COMMAND=" + SshCommand(source),
  };
  for (const char* name : {"PATH", "HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "http_proxy",
                           "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                           "NO_PROXY", "TMPDIR", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL"}) {
    if (const char* value = std::getenv(name)) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const std::string index = std::to_string(i);
    environment.push_back("GIT_CONFIG_KEY_" + index + "=" + settings[i].first);
    environment.push_back("GIT_CONFIG_VALUE_" + index + "=" + settings[i].second);
  }
  if (source != nullptr) {
    environment.push_back("GIT_ALLOW_PROTOCOL=" + source->url.substr(0, source->url.find(':')));
    if (source->url.starts_with("http")) {
      environment.insert(environment.end(), kGitTraceSettings.begin(), kGitTraceSettings.end());
    }
  }
  return environment;
}

// One phrase of git's, curl's or ssh's and what it means.
struct Phrase {
  std::string_view text;
  Errc code;
};

constexpr Phrase kPhrases[] = {
    {"could not read Username", Errc::kAccessDenied},
    {"could not read Password", Errc::kAccessDenied},
    {"Authentication failed", Errc::kAccessDenied},
    {"returned error: 401", Errc::kAccessDenied},
    {"returned error: 403", Errc::kAccessDenied},
    {"Permission denied", Errc::kAccessDenied},
    {"Host key verification failed", Errc::kAccessDenied},
    {"returned error: 407", Errc::kAccessDenied},
    {"CONNECT tunnel failed, response 401", Errc::kAccessDenied},
    {"CONNECT tunnel failed, response 407", Errc::kAccessDenied},
    {"HTTP code 407 from proxy", Errc::kAccessDenied},
    {"client certificate", Errc::kAccessDenied},
    {"private key file", Errc::kAccessDenied},
    {"error reading X.509", Errc::kAccessDenied},
    {"detected dubious ownership", Errc::kAccessDenied},
    {"returned error: 301", Errc::kNotFound},
    {"returned error: 302", Errc::kNotFound},
    {"returned error: 303", Errc::kNotFound},
    {"returned error: 307", Errc::kNotFound},
    {"returned error: 308", Errc::kNotFound},
    {"returned error: 404", Errc::kNotFound},
    {"returned error: 410", Errc::kNotFound},
    {"does not appear to be a git repository", Errc::kNotFound},
    {"Repository not found", Errc::kNotFound},
    {"repository not exported", Errc::kNotFound},
    {"not found", Errc::kNotFound},
    {"does not exist", Errc::kNotFound},
    {"not our ref", Errc::kNotFound},
    {"find remote ref", Errc::kNotFound},
    {"unadvertised object", Errc::kUnsupported},
    {"does not support shallow", Errc::kUnsupported},
    {"dumb http transport does not support", Errc::kUnsupported},
    {"mismatched algorithms", Errc::kUnsupported},
    {"update url base from redirection", Errc::kNotFound},
    {"Operation too slow", Errc::kTimedOut},
    {"timed out", Errc::kTimedOut},
    {"Timeout", Errc::kTimedOut},
    {"No space left on device", Errc::kNoSpace},
    {"File too large", Errc::kNoSpace},
    {"Disk quota exceeded", Errc::kNoSpace},
    {"Could not resolve", Errc::kUnreachable},
    {"Failed to connect", Errc::kUnreachable},
    {"Couldn't connect", Errc::kUnreachable},
    {"unable to connect", Errc::kUnreachable},
    {"Connection refused", Errc::kUnreachable},
    {"Connection reset", Errc::kUnreachable},
    {"No route to host", Errc::kUnreachable},
    {"Network is unreachable", Errc::kUnreachable},
    {"fsck error in packed object", Errc::kCorrupt},
    {"fsck error", Errc::kCorrupt},
    {"out of memory", Errc::kNoSpace},
    {"bad pack", Errc::kCorrupt},
    {"did not send all necessary objects", Errc::kCorrupt},
    {"pack has bad object", Errc::kCorrupt},
};

constexpr std::string_view kTrustAdvice =
    "; if it is to be trusted, set http.sslCAInfo in the git configuration to the file of its "
    "authority's certificate";
constexpr std::string_view kOwnCertificateAdvice =
    "; check http.sslCert and http.sslKey in the git configuration: the key must be readable "
    "without a pass phrase";

constexpr std::string_view kAuthorityAdvice =
    "; check the files that http.sslCAInfo and http.sslCAPath name in the git configuration";

struct Advice {
  std::string_view text;
  std::string_view advice;
};
// The words of curl with OpenSSL, then with GnuTLS.
constexpr Advice kAdvice[] = {{"certificate problem", kTrustAdvice},
                              {"certificate verification failed", kTrustAdvice},
                              {"certificate verify locations", kAuthorityAdvice},
                              {"setting certificate file", kAuthorityAdvice},
                              {"adding trust anchors", kAuthorityAdvice},
                              {"SSL CA cert", kAuthorityAdvice},
                              {"client certificate", kOwnCertificateAdvice},
                              {"private key file", kOwnCertificateAdvice},
                              {"error reading X.509", kOwnCertificateAdvice}};

// The line of `errors` that says most: the first "fatal:" or "error:", else the last one.
std::string TellingLine(const std::string& errors) {
  std::string_view last;
  for (std::string_view line : Split(errors, '\n')) {
    if (const std::size_t progress = line.rfind('\r'); progress != std::string_view::npos) {
      line.remove_prefix(progress + 1);
    }
    if (line.starts_with("fatal: ") || line.starts_with("error: ")) {
      return Printable(line.substr(line.find(' ') + 1));
    }
    if (!line.empty()) last = line;
  }
  return Printable(last);
}

}  // namespace

std::vector<std::string> SshArguments(const Source* source) {
  std::vector<std::string> arguments = {"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"};
  if (source != nullptr && !source->host.ssh_key_file.empty()) {
    arguments.insert(arguments.end(),
                     {"-o", "IdentitiesOnly=yes", "-i", source->host.ssh_key_file.string()});
  }
  return arguments;
}

std::optional<Errc> MeaningOf(std::string_view words) {
  for (const Phrase& phrase : kPhrases) {
    if (words.find(phrase.text) != std::string_view::npos) return phrase.code;
  }
  return std::nullopt;
}

std::string AdviceOn(std::string_view words) {
  for (const Advice& known : kAdvice) {
    if (words.find(known.text) != std::string_view::npos) return std::string(known.advice);
  }
  return {};
}

ProcessOptions GitCommand(std::vector<std::string> arguments, const FetchOptions& limits,
                          const Source* source) {
  Settings settings = SafeSettings(limits);
  AddObjectChecks(settings);
  if (source != nullptr) AddSource(settings, *source);

  ProcessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), "git");
  options.environment = Environment(settings, source);
  options.memory_max_bytes = limits.memory_bytes;
  options.timeout = limits.total_timeout;
  return options;
}

Error GitFailure(const ProcessResult& result, const std::string& url) {
  if (result.signal == SIGXFSZ) {
    return Error{Errc::kNoSpace, url + ": larger than the quota allows"};
  }
  if (result.signal != 0) {
    return Error{Errc::kUnreachable,
                 url + ": git was ended by signal " + std::to_string(result.signal)};
  }
  const GitTrace trace = ReadGitTrace(result.errors, SystemClock().Now());
  std::string line = TellingLine(trace.words) + AdviceOn(trace.words);
  if (line.empty()) line = "git failed without a word";
  if (trace.retry_after.count() > 0) {
    line += "; it asks to wait for " + std::to_string(trace.retry_after.count()) + " s";
  }
  const Errc code = MeaningOf(trace.words).value_or(Errc::kUnreachable);
  return Error{code, url + ": " + line, trace.retry_after};
}

}  // namespace reposfs
