#include "daemon/status_text.h"

#include <gtest/gtest.h>

#include "daemon/commands_locks.h"
#include "daemon/doctor_checks.h"
#include "daemon/human_text.h"
#include "daemon/json_fields.h"
#include "daemon/ring_text.h"

namespace reposfs {
namespace {

using nlohmann::json;

const WallTime kNow = *ParseIso8601("2026-01-01T01:00:00Z");

TEST(StatusTextTest, ShowsUseFetchesAndProblems) {
  const json status = {
      {"version", "0.1"},
      {"pid", 7},
      {"uptimeSeconds", 7200},
      {"mountpoint", "/repos"},
      {"quotaBytes", 4096},
      {"usedBytes", 1024},
      {"httpListen", nullptr},
      {"fuse", {{"protocol", "7.38"}, {"features", {"ASYNC_READ", "READDIRPLUS"}}}},
      {"ioEngine", "threads (io_uring_setup: Operation not permitted)"},
      {"fetching", {{{"key", "h/o/n"}, {"kind", "clone"}, {"receivedBytes", 1024}}}},
      {"problems",
       {{{"host", "h"}, {"error", "down"}, {"at", "2026-01-01T00:57:00Z"}},
        {{"jobs", "hydrate"}, {"error", "2 jobs due"}, {"advice", "run one"}, {"at", nullptr}}}}};
  const std::string text = RenderStatus(status, kNow, Terminal{});
  EXPECT_NE(text.find("mounted at     /repos\n"), std::string::npos) << text;
  EXPECT_NE(text.find("pid 7, up 2 h\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1.0 KiB of 4.0 KiB (25%)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("http           off\n"), std::string::npos) << text;
  EXPECT_NE(text.find("FUSE           7.38 ASYNC_READ READDIRPLUS\n"), std::string::npos) << text;
  EXPECT_NE(text.find("i/o            threads (io_uring_setup: Operation not permitted)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("h/o/n     clone   1.0 KiB"), std::string::npos) << text;
  EXPECT_NE(text.find("h        3 min ago  down\n"), std::string::npos) << text;
  EXPECT_NE(text.find("hydrate  never      2 jobs due (run one)\n"), std::string::npos) << text;
}

TEST(StatusTextTest, RepositoriesAreSortedAndErrorsShown) {
  const json repositories = {
      {{"key", "h/b/b"}, {"stage", "tip"}, {"pinned", true}},
      {{"key", "h/a/a"}, {"stage", "absent"}, {"error", "refused"}, {"pinned", true}}};
  EXPECT_EQ(RenderRepositories(repositories, kNow, Terminal{}),
            "REPOSITORY  STAGE   SIZE  OPENED  OPENS  CHECKED  NOTE\n"
            "h/a/a       absent   0 B  never       0  never    refused\n"
            "h/b/b       tip      0 B  never       0  never    pinned\n");
  EXPECT_EQ(RenderRepositories(json::array(), kNow, Terminal{}), "no repository is cached yet\n");
}

TEST(StatusTextTest, NoAnswerWhateverItsShapeIsACrashOrAnEscapeSequence) {
  const json hostile = {{"key", "a\x1b[2Jb"},
                        {"stage", 7},
                        {"error", "\x1b]0;x\x07"},
                        {"bytes", -5},
                        {"opens", "many"},
                        {"jobs", {1, "x", nullptr}},
                        {"progress", "soon"},
                        {"evictions", {{}}},
                        {"lastOpened", 12},
                        {"fetching", {nullptr}},
                        {"problems", {"x"}},
                        {"head", "\x1b"},
                        {"fuse", {{"protocol", "\x1b"}, {"features", {1, "\x1b"}}}}};
  for (const json& answer : {hostile, json(), json(7), json::array({hostile, nullptr})}) {
    const std::string text =
        RenderStatus(answer, kNow, Terminal{}) + RenderRepositories(answer, kNow, Terminal{}) +
        RenderRepository(answer, kNow, Terminal{}) + RenderJobs(answer, kNow, Terminal{}) +
        RenderLocks(answer, kNow, Terminal{});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST(LocksTextTest, HoldersAndWaitersAreRows) {
  const std::string now = ToIso8601(kNow);
  const json locks = {{{"scope", "repository"},
                       {"name", "h/o/n"},
                       {"mode", "exclusive"},
                       {"state", "held"},
                       {"token", 41},
                       {"owner", "box:7"},
                       {"askedAt", now},
                       {"heldSince", now},
                       {"leaseLeftMs", 8'999}},
                      {{"scope", "repository"},
                       {"name", "h/o/\x1bn"},
                       {"mode", "shared"},
                       {"state", "waiting"},
                       {"token", 42},
                       {"owner", "other:12"},
                       {"askedAt", now},
                       {"heldSince", nullptr},
                       {"leaseLeftMs", nullptr}}};
  EXPECT_EQ(RenderLocks(locks, kNow, Terminal{}),
            "SCOPE       NAME       MODE       STATE    TOKEN  OWNER     SINCE     LEASE\n"
            "repository  h/o/n      exclusive  held        41  box:7     just now    8 s\n"
            "repository  h/o/\\x1bn  shared     waiting     42  other:12  just now\n");
  EXPECT_EQ(RenderLocks(json::array(), kNow, Terminal{}), "nobody holds a lock\n");
}

TEST(RingTextTest, NodesAreATableAndTheirErrorsHarmless) {
  const json ring = {{"enabled", true},
                     {"discoveryError", "no \x1b[1mnameserver"},
                     {"copying", {"h/o/\x1bn"}},
                     {"waiting", 7},
                     {"leaving", {"h/o/m"}},
                     {"members",
                      {{{"id", "a"},
                        {"address", "http://a"},
                        {"weight", 1},
                        {"self", true},
                        {"state", "up"},
                        {"share", 25.04}},
                       {{"id", "b"},
                        {"address", "http://b"},
                        {"weight", 3},
                        {"self", false},
                        {"state", "down"},
                        {"since", "2026-01-02T03:04:05Z"},
                        {"vanished", "2026-01-02T03:04:05Z"},
                        {"share", 74.96},
                        {"lastError", "no \x1b[1mroute"}}}}};
  const WallTime now = *ParseIso8601("2026-01-02T03:07:05Z");
  EXPECT_EQ(
      RenderRing(ring, now, Terminal{}),
      "NODE      ADDRESS   WEIGHT   SHARE  STATE                            SINCE      LAST ERROR\n"
      "a (this)  http://a       1  25.0 %  up\n"
      "b         http://b       3  75.0 %  down, not named since 3 min ago  3 min ago  no "
      "\\x1b[1mroute\n"
      "\n"
      "may be out of date: no \\x1b[1mnameserver\n"
      "copying h/o/\\x1bn from peers\n"
      "7 more to be copied\n"
      "h/o/m goes from here once its owners have it\n");
  EXPECT_EQ(RenderOwners({{"owners", json::array()}}, now, Terminal{}), "no node is known yet\n");
}

TEST(DoctorReportTest, LinesAreAlignedAndSayWhatToDo) {
  const std::vector<CheckResult> results = {{"git", CheckLevel::kOk, "2.39", ""},
                                            {"/dev/fuse", CheckLevel::kFail, "absent", "load it"},
                                            {"disk", CheckLevel::kWarn, "full", "clean"}};
  EXPECT_EQ(RenderChecks(results, Terminal{}),
            "ok    git        2.39\n"
            "FAIL  /dev/fuse  absent; load it\n"
            "warn  disk       full; clean\n");
  EXPECT_TRUE(AnyFailed(results));
  EXPECT_EQ(ChecksToJson(results)[1]["level"], "fail");
  EXPECT_FALSE(AnyFailed({results[0], results[2]})) << "a warning is no failure";
}

TEST(ParseVersionTest, FindsTheFirstDottedNumber) {
  EXPECT_EQ(ParseVersion("git version 2.39.5"), (VersionNumber{2, 39}));
  EXPECT_EQ(ParseVersion("6.18.44-x"), (VersionNumber{6, 18}));
  EXPECT_LT(ParseVersion("2.9.1"), (VersionNumber{2, 36}));
  EXPECT_EQ(ParseVersion("none"), VersionNumber{});
}

}  // namespace
}  // namespace reposfs
