#include "daemon/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "daemon/config_yaml.h"

namespace reposfs {
namespace {

using std::chrono::seconds;

// Writes configuration files into a directory of its own and loads them.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string name = testing::TempDir() + "reposfs-config-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    environment_.default_file = directory_ / "default.yaml";
  }
  ~ConfigTest() override { std::filesystem::remove_all(directory_); }

  Result<Config> Load(const std::string& yaml) {
    std::ofstream(directory_ / "c.yaml") << yaml;
    return LoadConfig(directory_ / "c.yaml", environment_);
  }

  // The message for `yaml`, from the file's line on: "2: unknown key ...".
  std::string Refusal(const std::string& yaml) {
    const auto config = Load(yaml);
    if (config) return "accepted";
    const std::string prefix = (directory_ / "c.yaml").string() + ":";
    const std::string& message = config.error().message;
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  }

  std::filesystem::path directory_;
  Environment environment_;
};

TEST_F(ConfigTest, WithoutAnyFileTheDefaultsHold) {
  const auto config = LoadConfig(std::nullopt, environment_);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->cache.directory, "/var/cache/reposfs");
  EXPECT_EQ(config->http.listen, "127.0.0.1:7420");
  EXPECT_EQ(config->hosts.at("github.com").url, "https://github.com/{owner}/{name}.git");
  EXPECT_TRUE(config->hosts.at("github.com").case_insensitive);
  EXPECT_TRUE(config->file.empty());
}

TEST_F(ConfigTest, TheDefaultFileIsReadIfItExists) {
  std::ofstream(environment_.default_file) << "cache: {quota: 5MB}\n";
  const auto config = LoadConfig(std::nullopt, environment_);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->cache.quota.bytes, 5'000'000u);
  EXPECT_EQ(config->file, environment_.default_file);
}

TEST_F(ConfigTest, AFileThatWasAskedForMustExist) {
  const auto config = LoadConfig(directory_ / "absent.yaml", environment_);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::kNotFound);
}

TEST_F(ConfigTest, OthersThanRootCacheBelowTheirHome) {
  environment_.is_root = false;
  environment_.variables["HOME"] = "/home/ann";
  EXPECT_EQ(DefaultConfig(environment_).cache.directory, "/home/ann/.cache/reposfs");
  environment_.variables["XDG_CACHE_HOME"] = "/scratch/ann";
  EXPECT_EQ(DefaultConfig(environment_).cache.directory, "/scratch/ann/reposfs");
}

TEST_F(ConfigTest, ReadsTheWholeExampleOfTheDocumentation) {
  const auto config = Load(R"(
cache:
  directory: /srv/reposfs
  quota: 80% of the file system
  neverEvict: [github.com/open-sauced/insights, "github.com/torvalds/*", https://github.com/git/git]
  neverEvictFile: /etc/reposfs/pins
  minResidency: 90s
hosts:
  GitHub.com: {}
  git.example.org: { url: "ssh://git@git.example.org/{owner}/{name}" }
  plain.example.org:
  mirror: { url: "file:///srv/git/{owner}/{name}.git", maxConcurrentFetches: 4, requestsPerMinute: 600 }
freshness: { maxAge: 2m, mode: strict, timeout: 250ms, negativeTtl: 1h, activeFor: 7d }
history: { default: lazy, "github.com/torvalds/*": none, "github.com/git/*": complete }
fetch: { client: git, requestTimeout: 5s, stallTimeout: 6s, totalTimeout: 7h, memory: 1GiB, concurrency: 3 }
lru: { granularity: 1s }
lookup: { ignore: [.git, node_modules] }
http:
  listen: ""
  tls: { certificateFile: /s.pem, keyFile: /s.key, clientCaFile: /ca.pem }
  serveGit: anyone
  openToAll: true
io: { engine: threads }
ring:
  enabled: false
  nodeId: node-1
  replicationCount: 16
  discovery: etcd
  dns: { name: reposfs.svc, port: 80, scheme: https, type: SRV, nameserver: "127.0.0.1:5353" }
  etcd:
    endpoints: ["http://10.0.0.5:2379", "https://[::1]:2379"]
    prefix: /mine
    username: reposfs
    passwordFile: /etc/password
    caFile: /etcd.ca
    certificateFile: /etcd.pem
    keyFile: /etcd.key
    leaseTtl: 20s
  address: "http://10.0.0.1:7420"
  weight: 3
  timeout: 1s
  leaveAfter: 1h
  transferBandwidth: 10MB
  tokenFile: /etc/token
  tls: { caFile: /ca.pem, certificateFile: /c.pem, keyFile: /c.key }
  nodes: [{ id: node-1, address: "http://10.0.0.1:7420", weight: 2 }]
log: { level: debug }
mount: { allowOther: true, uid: 1000, gid: 100 }
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->cache.directory, "/srv/reposfs");
  EXPECT_EQ(config->cache.quota.percent, 80);
  EXPECT_EQ(config->cache.never_evict.size(), 3u);
  EXPECT_EQ(config->cache.never_evict_file, "/etc/reposfs/pins");
  EXPECT_EQ(config->cache.min_residency, seconds(90));
  ASSERT_EQ(config->hosts.size(), 4u) << "the built-in hosts should be gone";
  EXPECT_TRUE(config->hosts.at("github.com").case_insensitive);
  EXPECT_EQ(config->hosts.at("plain.example.org").url,
            "https://plain.example.org/{owner}/{name}.git");
  EXPECT_EQ(config->hosts.at("mirror").requests_per_minute, 600);
  EXPECT_EQ(config->freshness.mode, FreshnessMode::kStrict);
  EXPECT_EQ(config->freshness.active_for, std::chrono::hours(24 * 7));
  EXPECT_EQ(config->history.policy, HistoryPolicy::kLazy);
  ASSERT_EQ(config->history.per_pattern.size(), 2u);
  EXPECT_EQ(config->history.per_pattern[0].first, "github.com/torvalds/*") << "order decides";
  EXPECT_EQ(config->fetch.client, FetchClient::kGit);
  EXPECT_EQ(config->fetch.memory_bytes, 1ull << 30);
  EXPECT_EQ(config->lookup.ignore.size(), 2u);
  EXPECT_EQ(config->http.listen, "");
  EXPECT_EQ(config->io.engine, IoEngineChoice::kThreads);
  EXPECT_EQ(config->http.tls.client_ca_file, "/ca.pem");
  EXPECT_EQ(config->http.serve_git, ServeGit::kAnyone);
  const RingOptions& ring = config->ring;
  EXPECT_EQ(ring.nodes.at(0).weight, 2);
  EXPECT_EQ(ring.dns.type, DnsRecordType::kSrv);
  EXPECT_EQ(ring.dns.port, 80);
  EXPECT_EQ(ring.etcd.endpoints.size(), 2u);
  EXPECT_EQ(ring.etcd.tls.key_file, "/etcd.key");
  EXPECT_EQ(ring.etcd.lease_ttl, seconds(20));
  EXPECT_EQ(ring.leave_after, std::chrono::hours(1));
  EXPECT_EQ(ring.transfer_bandwidth, 10'000'000u);
  EXPECT_EQ(ring.tls.ca_file, "/ca.pem");
  EXPECT_EQ(config->mount.uid, 1000u);
}

TEST_F(ConfigTest, AnEmptyFileMeansTheDefaults) {
  EXPECT_TRUE(Load(""));
  EXPECT_TRUE(Load("# nothing\n"));
  EXPECT_TRUE(Load("cache:\nhttp:\n"));
}

TEST_F(ConfigTest, WhatIsPrintedIsReadBack) {
  const auto config = Load(R"(
cache: { quota: 80%, neverEvict: ["github.com/a,b/*", "@odd: #1"] }
hosts: { mirror: { url: "file:///srv/git/{owner}/{name}.git", sshKeyFile: /etc/key } }
history: { default: none, "a/*": lazy }
http: { listen: "", tls: { certificateFile: /c, keyFile: /k } }
jobs: { inline: [history] }
io: { engine: threads }
mount: { gid: 7 }
ring:
  nodes: [{ id: a, address: "http://a:1" }]
  tokenFile: /token
  dns: { name: ring.example.org }
  etcd: { endpoints: ["http://e:2379"], leaseTtl: 5s }
)");
  ASSERT_TRUE(config) << config.error().message;
  const std::string printed = ConfigToYaml(config.value());
  const auto again = Load(printed);
  ASSERT_TRUE(again) << again.error().message << "\n" << printed;
  EXPECT_EQ(ConfigToYaml(again.value()), printed);
  EXPECT_EQ(again->cache.quota.percent, 80);
  EXPECT_EQ(again->cache.never_evict, config->cache.never_evict);
  EXPECT_EQ(again->hosts.at("mirror").ssh_key_file, "/etc/key");
  EXPECT_EQ(again->history.per_pattern, config->history.per_pattern);
  EXPECT_EQ(again->http.listen, "");
  EXPECT_EQ(again->mount.gid, 7u);
  EXPECT_FALSE(again->mount.uid);
  EXPECT_EQ(again->ring.nodes.at(0).id, "a");
  EXPECT_EQ(again->ring.token_file, "/token");
  EXPECT_EQ(again->ring.etcd.lease_ttl, seconds(5));
  EXPECT_EQ(again->ring.etcd.endpoints, config->ring.etcd.endpoints);
  EXPECT_EQ(again->http.tls.key_file, "/k");
  EXPECT_EQ(again->jobs.kinds, config->jobs.kinds);
  EXPECT_EQ(again->io.engine, IoEngineChoice::kThreads);
}

TEST_F(ConfigTest, TheBuiltInHostsArePrintedAndReadBack) {
  const auto config = Load("");
  ASSERT_TRUE(config);
  const auto again = Load(ConfigToYaml(config.value()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->hosts.size(), config->hosts.size());
  EXPECT_EQ(ConfigToYaml(again.value()), ConfigToYaml(config.value()));
}

TEST_F(ConfigTest, AnUnknownKeyIsRefusedWithLineAndNearestKey) {
  EXPECT_EQ(Refusal("cache:\n  qouta: 5GB\n"),
            "2: unknown key \"cache.qouta\"; did you mean \"cache.quota\"?");
  EXPECT_EQ(Refusal("\n\nfreshnes: {}\n"),
            "3: unknown key \"freshnes\"; did you mean \"freshness\"?");
  EXPECT_EQ(Refusal("quota: 5GB\n"), "1: unknown key \"quota\"; did you mean \"cache.quota\"?");
  EXPECT_EQ(Refusal("freshness: {max_age: 5s}\n"),
            "1: unknown key \"freshness.max_age\"; did you mean \"freshness.maxAge\"?");
  EXPECT_EQ(Refusal("hosts:\n  h:\n    ulr: x\n"),
            "3: unknown key \"hosts.h.ulr\"; did you mean \"hosts.h.url\"?");
  EXPECT_EQ(Refusal("zebra: 1\n"), "1: unknown key \"zebra\"");
}

TEST_F(ConfigTest, ABadValueIsRefusedWithLineAndWhatIsRight) {
  EXPECT_EQ(Refusal("cache:\n  quota: lots\n"),
            "2: cache.quota: \"lots\" is no quota; write for example 100GiB or 80%");
  EXPECT_EQ(Refusal("cache:\n  quota: 0\n"),
            "2: cache.quota: \"0\" is no quota; it must be more than 0");
  EXPECT_EQ(Refusal("freshness:\n  maxAge: 10\n"),
            "2: freshness.maxAge: \"10\" is no duration; write for example 250ms, 10s, 2m, 8h or "
            "7d");
  EXPECT_EQ(Refusal("freshness: {mode: stritc}\n"),
            "1: freshness.mode: \"stritc\" is none of background, strict; did you mean "
            "\"strict\"?");
  EXPECT_EQ(Refusal("history: al\n"), "1: history: \"al\" is none of complete, lazy, none");
  EXPECT_EQ(Refusal("cache: {directory: cache}\n"),
            "1: cache.directory: \"cache\" is no absolute path; start it with /");
  EXPECT_EQ(Refusal("cache: {neverEvict: github.com/git/git}\n"),
            "1: cache.neverEvict: expected a list, as in [a, b]");
  EXPECT_EQ(Refusal("cache: 5GB\n"), "1: cache: expected a map, as in `key: value`");
  EXPECT_EQ(Refusal("log: {level: [info]}\n"), "1: log.level: expected one value");
  EXPECT_EQ(Refusal("hosts: {}\n").substr(0, 24), "1: hosts: expected a map");
}

TEST_F(ConfigTest, ValuesOutOfRangeAreRefused) {
  for (const char* yaml :
       {"cache: {quota: 101%}",
        "fetch: {concurrency: 0}",
        "fetch: {memory: 1MiB}",
        "fetch: {stallTimeout: 0s}",
        "fetch: {client: curl}",
        "jobs: {lease: 2s}",
        "http: {listen: 7420}",
        "http: {listen: ':7420'}",
        "http: {listen: '127.0.0.1:70000'}",
        "http: {listen: '::1:7420'}",
        "mount: {uid: ann}",
        "mount: {uid: 4294967295}",
        "log: {level: loud}",
        "io: {engine: uring}",
        "ring: {virtualNodes: 0}",
        "ring: {replicationCount: 17}",
        "ring: {timeout: 0s}",
        "ring: {tokenFile: token}",
        "ring: {nodeId: 'a b'}",
        "ring: {address: '10.0.0.1:7420'}",
        "ring: {dns: {type: AAAA}}",
        "ring: {dns: {name: 'a/b'}}",
        "ring: {dns: {nameserver: 'ns1'}}",
        "ring: {dns: {nameserver: 'ns1:53'}}",
        "ring: {dns: {nameserver: '10.0.0.10:0'}}",
        "ring: {dns: {port: 0}}",
        "ring: {etcd: {endpoints: ['10.0.0.5:2379']}}",
        "ring: {etcd: {prefix: reposfs}}",
        "ring: {etcd: {leaseTtl: 1s}}",
        "ring: {etcd: {leaseTtl: 2500ms}}",
        "http: {serveGit: everyone}",
        "ring: {nodes: [{id: a, address: 'ftp://a'}]}",
        "ring: {nodes: [{id: a}]}",
        "ring: {nodes: [{id: a, address: 'http://a'}, {id: a, address: 'http://b'}]}",
        "lookup: {ignore: ['']}",
        "hosts: {h: {maxConcurrentFetches: 0}}",
        "hosts: {h: {requestsPerMinute: -1}}",
        "hosts: {h: {credentialsFile: creds}}"}) {
    EXPECT_EQ(Refusal(yaml).substr(0, 3), "1: ") << yaml;
  }
  EXPECT_TRUE(Load("http: {listen: '[::1]:0'}"));
}

TEST_F(ConfigTest, AnUnknownKeyOfAnInnerSectionIsRefused) {
  EXPECT_EQ(Refusal("ring:\n  etcd:\n    leaseTTL: 5s\n"),
            "3: unknown key \"ring.etcd.leaseTTL\"; did you mean \"ring.etcd.leaseTtl\"?");
}

TEST_F(ConfigTest, SettingsThatDisagreeAreRefused) {
  EXPECT_EQ(Refusal("http: {tls: {keyFile: /k}}"),
            " http.tls.certificateFile is missing: a certificate and its key go together");
}

TEST_F(ConfigTest, AKeyThatIsGivenTwiceIsRefused) {
  EXPECT_EQ(Refusal("cache:\n  quota: 1GB\n  quota: 2GB\n"), "3: \"quota\" is given twice");
  EXPECT_EQ(Refusal("hosts:\n  h: {}\n  H: {}\n"), "3: \"hosts.h\" is given twice");
}

TEST_F(ConfigTest, BrokenYamlIsRefusedWithItsLine) {
  EXPECT_EQ(Refusal("cache:\n  quota: [1\nlog: {}\n").substr(0, 19), "3: not valid YAML: ");
  EXPECT_EQ(Refusal("- a\n"), "1: a configuration is a map of keys and values");
}

TEST_F(ConfigTest, UrlsThatCanNotBeFetchedFromAreRefused) {
  const auto url = [this](const std::string& text) {
    return Refusal("hosts: {h: {url: '" + text + "'}}");
  };
  EXPECT_EQ(url("git@example.org:{owner}/{name}"),
            "1: hosts.h.url: \"git@example.org:{owner}/{name}\" is no URL; write "
            "ssh://git@example.org/{owner}/{name}");
  EXPECT_EQ(url("htps://h/{owner}/{name}"),
            "1: hosts.h.url: scheme \"htps\" is none of https, http, ssh, git, file; did you mean "
            "\"https\"?");
  EXPECT_EQ(url("https://h/{name}").substr(0, 48),
            "1: hosts.h.url: \"https://h/{name}\" lacks {owner}");
  EXPECT_EQ(url("/srv/git/{owner}/{name}").substr(0, 16), "1: hosts.h.url: ");
  EXPECT_EQ(url("ext::sh -c {owner}/{name}").substr(0, 16), "1: hosts.h.url: ");
  EXPECT_EQ(url("https://h/{owner} {name}").substr(0, 16), "1: hosts.h.url: ");
  EXPECT_EQ(url("ssh://git@h/{owner}/{name}"), "accepted");
}

TEST_F(ConfigTest, CredentialsInAUrlAreRefusedWithoutBeingRepeated) {
  for (const char* url : {"https://ann:s3cret@h/{owner}/{name}", "https://s3cret@h/{owner}/{name}",
                          "ssh://ann:s3cret@h/{owner}/{name}"}) {
    const std::string refusal = Refusal("hosts: {h: {url: '" + std::string(url) + "'}}");
    EXPECT_NE(refusal.find("credentialsFile"), std::string::npos) << refusal;
    EXPECT_EQ(refusal.find("s3cret"), std::string::npos) << refusal;
  }
}

TEST_F(ConfigTest, HostNamesThatAreNoDirectoryNamesAreRefused) {
  for (const char* name : {"a/b", "..", ".hidden", "-x", "a b", "h:8080", "''"}) {
    EXPECT_EQ(Refusal("hosts: {" + std::string(name) + ": {}}").substr(0, 10), "1: hosts: ")
        << name;
  }
}

TEST(MembersFileTest, AFileOfMembersIsTheSameListAsInTheConfiguration) {
  const auto members = ParseMembersYaml(
      "- { id: a, address: 'http://a:1' }\n- { id: b, address: 'http://b', weight: 3 }\n");
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_EQ(*members, (std::vector<Member>{{"a", "http://a:1", 1}, {"b", "http://b", 3}}));
  for (const char* wrong :
       {"nodes: []", "- a", "- { id: a }", "- { id: a, adress: 'http://a' }", "[",
        "- { id: a, address: 'http://a' }\n- { id: a, address: 'http://b' }"}) {
    const auto refused = ParseMembersYaml(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().message.substr(0, 5), "line:") << refused.error().message;
  }
}

}  // namespace
}  // namespace reposfs
