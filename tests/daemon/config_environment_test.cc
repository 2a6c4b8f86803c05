#include "daemon/config_environment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/config_settings.h"

namespace reposfs {
namespace {

using Variables = std::map<std::string, std::string>;

std::string Refusal(const Variables& variables) {
  Config config;
  const auto status = ApplyEnvironment(variables, config);
  return status ? "accepted" : status.error().message;
}

TEST(EnvironmentTest, CamelCaseBecomesUpperSnakeCase) {
  EXPECT_EQ(EnvironmentName("cache.quota"), "REPOSFS_CACHE_QUOTA");
  EXPECT_EQ(EnvironmentName("freshness.maxAge"), "REPOSFS_FRESHNESS_MAX_AGE");
}

TEST(EnvironmentTest, EveryKeyCanBeSet) {
  for (const auto& setting : ConfigSettings()) {
    Config config;
    SettingText values = setting.show(config);
    // An id, an empty list, a file, or a list of addresses.
    if (values.empty()) values = {"7", "/7", "http://7"};
    const bool any = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
      return ApplyEnvironment({{EnvironmentName(setting.name), value}}, config).has_value();
    });
    EXPECT_TRUE(any) << setting.name;
  }
}

TEST(EnvironmentTest, AKeyThatEndsLikeAVariableOfKubernetesIsSet) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_RING_DNS_PORT", "80"}}, config));
  EXPECT_EQ(config.ring.dns.port, 80);
}

TEST(EnvironmentTest, ValuesReplaceThoseOfTheFile) {
  Config config;
  config.cache.never_evict = {"from/the/file"};
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_CACHE_QUOTA", "5MB"},
                                {"REPOSFS_CACHE_NEVER_EVICT", "a/b/c, d/e/*"},
                                {"REPOSFS_FRESHNESS_MAX_AGE", "10s"},
                                {"PATH", "/bin"}},
                               config));
  EXPECT_EQ(config.cache.quota.bytes, 5'000'000u);
  EXPECT_EQ(config.cache.never_evict, (std::vector<std::string>{"a/b/c", "d/e/*"}));
  EXPECT_EQ(config.freshness.max_age, std::chrono::seconds(10));
}

TEST(EnvironmentTest, AnEmptyListIsEmpty) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_LOOKUP_IGNORE", ""}}, config));
  EXPECT_TRUE(config.lookup.ignore.empty());
}

TEST(EnvironmentTest, HostsAreNamesWithOrWithoutUrl) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_HOSTS", "github.com,mirror=file:///srv/{owner}/{name}"}},
                               config));
  ASSERT_EQ(config.hosts.size(), 2u);
  EXPECT_EQ(config.hosts.at("mirror").url, "file:///srv/{owner}/{name}");
  EXPECT_TRUE(config.hosts.at("github.com").case_insensitive);
}

TEST(EnvironmentTest, HistoryTakesAWordAndPatterns) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_HISTORY", "lazy,github.com/torvalds/*=none"}}, config));
  EXPECT_EQ(config.history.policy, HistoryPolicy::kLazy);
  ASSERT_EQ(config.history.per_pattern.size(), 1u);
  EXPECT_EQ(config.history.per_pattern[0].second, HistoryPolicy::kNone);
}

TEST(EnvironmentTest, RingNodesAreIdsWithAddresses) {
  Config config;
  ASSERT_TRUE(ApplyEnvironment({{"REPOSFS_RING_NODES", "a=http://a:1,b=http://b:1"}}, config));
  ASSERT_EQ(config.ring.nodes.size(), 2u);
  EXPECT_EQ(config.ring.nodes[1].address, "http://b:1");
}

TEST(EnvironmentTest, AnUnknownVariableIsRefusedWithTheNearestOne) {
  EXPECT_EQ(Refusal({{"REPOSFS_CACHE_QOUTA", "5MB"}}),
            "environment variable REPOSFS_CACHE_QOUTA: no such variable; did you mean "
            "\"REPOSFS_CACHE_QUOTA\"?");
}

TEST(EnvironmentTest, ABadValueNamesItsVariable) {
  EXPECT_EQ(Refusal({{"REPOSFS_CACHE_QUOTA", "lots"}}),
            "environment variable REPOSFS_CACHE_QUOTA: \"lots\" is no quota; write for example "
            "100GiB or 80%");
  EXPECT_NE(Refusal({{"REPOSFS_HOSTS", "a/b"}}), "accepted");
  EXPECT_NE(Refusal({{"REPOSFS_HISTORY", "some"}}), "accepted");
}

TEST(EnvironmentTest, VariablesOfKubernetesServicesArePassedOver) {
  EXPECT_EQ(Refusal({{"REPOSFS_SERVICE_HOST", "10.0.0.1"},
                     {"REPOSFS_SERVICE_PORT_HTTP", "7420"},
                     {"REPOSFS_PORT", "tcp://10.0.0.1:7420"},
                     {"REPOSFS_PORT_7420_TCP_ADDR", "10.0.0.1"}}),
            "accepted");
}

}  // namespace
}  // namespace reposfs
