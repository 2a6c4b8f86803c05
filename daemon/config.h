// The configuration of reposfs: what the file and the environment say, validated.
//
// Sources, later ones win: built-in defaults, the YAML file, REPOSFS_* environment variables; the
// command line changes the Config that comes out.  Nothing unknown is ignored: a misspelt key is an
// error with file, line and the nearest right key, since a quota that is silently not applied is
// found out when the disk is full.
//
// Thread-safety: plain values and pure functions; LoadConfig() reads one file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/io_engine.h"
#include "base/result.h"
#include "cache/options.h"
#include "ring/options.h"

namespace reposfs {

// Whom git smart HTTP is served to.
enum class ServeGit {
  kOff,
  // Who shows the secret of ring.tokenFile, or a certificate of http.tls.clientCaFile.  Where
  // neither is configured, which CheckRingAndHttp() allows on loopback only, everybody.
  kToken,
  kAnyone,
};

struct TlsServerOptions {
  std::filesystem::path certificate_file;  // Empty: no TLS.
  std::filesystem::path key_file;
  // Clients must show a certificate that this signed; empty: none is asked for.
  std::filesystem::path client_ca_file;
};

struct HttpOptions {
  // "address:port" of the HTTP interface, port 0 for any free one; empty is off.
  std::string listen = "127.0.0.1:7420";
  TlsServerOptions tls;
  ServeGit serve_git = ServeGit::kOff;
  // Says that serving git to anyone on an address that others reach is meant.
  bool open_to_all = false;
};

struct IoOptions {
  // Whether io_uring may be used where the kernel allows it.
  IoEngineChoice engine = IoEngineChoice::kAuto;
};

struct LogOptions {
  // trace, debug, info, warn, error or off: the names of spdlog.
  std::string level = "info";
};

struct MountOptions {
  // Whether users other than the one who mounts may look inside.
  bool allow_other = false;
  // Whom files belong to; the user who mounts, if not set.
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

struct Config {
  // The file this came from; empty if there is none.
  std::filesystem::path file;

  CacheOptions cache;
  std::map<std::string, HostOptions> hosts;  // By lower-case name.
  FreshnessOptions freshness;
  HistoryOptions history;
  FetchOptions fetch;
  JobOptions jobs;
  LruOptions lru;
  LookupOptions lookup;
  HttpOptions http;
  IoOptions io;
  LogOptions log;
  MountOptions mount;
  RingOptions ring;
};

// The part of a process's surroundings that configuration depends on.
struct Environment {
  std::map<std::string, std::string> variables;
  bool is_root = true;
  // Read if it exists and no other file was asked for.
  std::filesystem::path default_file = "/etc/reposfs/reposfs.yaml";

  static Environment OfProcess();
};

// The configuration without any file: as root the cache is /var/cache/reposfs, for others it is
// below $XDG_CACHE_HOME or ~/.cache.
Config DefaultConfig(const Environment& environment);

// Reads `file`, or environment.default_file if `file` is not set, and applies the environment.
//
// Errors: kInvalidArgument for what is wrong in it, as `file:line: what; what to do`; kNotFound if
// `file` was asked for and does not exist; kAccessDenied, kIo.
Result<Config> LoadConfig(const std::optional<std::filesystem::path>& file,
                          const Environment& environment);

// The effective configuration as YAML with every key; LoadConfig() reads it back to equal values.
std::string ConfigToYaml(const Config& config);

// The same keys and values as JSON; every scalar is a text as in the file.
nlohmann::json ConfigToJson(const Config& config);

}  // namespace reposfs
