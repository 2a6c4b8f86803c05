// .insights.json and .insights.html, as a view shows them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

using nlohmann::json;

constexpr auto kSoon = std::chrono::seconds(30);

// Looks at a page in an element of a given width, and says how wide it became and which colour it
// is, in the title of the document that chromium then prints.
constexpr char kMeasure[] = R"html(<!doctype html><title>-</title><body><script>
const page = PAGE;
let said = [];
const widths = [1280, 390, 360];
const look = (i) => {
  if (i == widths.length) { document.title = "[" + said.join(" ") + "]"; return; }
  const frame = document.createElement("iframe");
  frame.style = "border:0;height:900px;width:" + widths[i] + "px";
  frame.onload = () => {
    const root = frame.contentDocument.documentElement;
    said.push(widths[i] + ":" + root.scrollWidth + ":" + frame.contentDocument.querySelectorAll("svg").length
      + ":" + frame.contentWindow.getComputedStyle(frame.contentDocument.body).backgroundColor.replaceAll(" ", ""));
    look(i + 1);
  };
  frame.srcdoc = page;
  document.body.append(frame);
};
look(0);
</script></body>)html";

class InsightsMountTest : public MountTest {
 protected:
  json Insights(const std::string& view) {
    return json::parse(ReadFile(Path(view) / ".insights.json"), nullptr, false);
  }
  // Waits until the history of what `view` shows is counted.
  ::testing::AssertionResult HasHistory(const std::string& view, const std::string& commit) {
    const bool has = WaitUntil(
        [&] {
          const json insights = Insights(view);
          return insights.is_object() && insights["history"] == "complete" &&
                 insights["commit"] == commit;
        },
        kSoon);
    if (has) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << ReadFile(Path(view) / ".insights.json") << daemon_.Log();
  }
  std::string Head(const std::string& name, const std::string& revision = "main") {
    return Git(server_.Path(name), {"rev-parse", revision});
  }
  ::testing::AssertionResult IsValid(const std::string& view) {
    const CommandResult checked =
        Execute({"python3", "-c",
                 "import json, sys, jsonschema\n"
                 "jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))",
                 (Path(view) / ".insights.json").string(), INSIGHTS_SCHEMA});
    if (checked.ok()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << checked;
  }
};

TEST_F(InsightsMountTest, TellTheHistoryOnceItIsHere) {
  FillHistory(server_.Create("a/long"), {.commit_count = 120, .file_count = 40});
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/long")));
  ASSERT_TRUE(HasHistory("a/long", Head("a/long")));
  const json insights = Insights("a/long");
  EXPECT_EQ(insights["schema"], 1);
  EXPECT_EQ(insights["key"], Key("a/long"));
  EXPECT_EQ(insights["commits"]["total"].dump(),
            Git(server_.Path("a/long"), {"rev-list", "--count", "main"}));
  EXPECT_TRUE(IsValid("a/long"));
  EXPECT_EQ(Output({"git", "-C", Path("a/long").string(), "status", "--short"}), "");
}

TEST_F(InsightsMountTest, OfARealHistoryTheyAreGitsNumbers) {
  // The project's own: people, renames, deletions.
  const std::filesystem::path source = SOURCE_DIRECTORY;
  if (!Execute({"git", "-C", source.string(), "rev-parse", "HEAD"}).ok() ||
      Output({"git", "-C", source.string(), "rev-parse", "--is-shallow-repository"}) != "false") {
    GTEST_SKIP() << "\n*** SKIPPED: " << source
                 << " has no whole history; no real one is counted ***";
  }
  const std::filesystem::path served = server_.Create("real/own");
  ASSERT_TRUE(
      Execute({"git", "-C", source.string(), "push", "-q", served.string(), "HEAD:refs/heads/main"})
          .ok());
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("real/own")));
  ASSERT_TRUE(HasHistory("real/own", Head("real/own")));
  const CommandResult compared =
      Execute({COMPARE_INSIGHTS, (Path("real/own") / ".insights.json").string(), served.string(),
               Head("real/own")});
  EXPECT_TRUE(compared.ok()) << compared;
}

TEST_F(InsightsMountTest, BeforeTheHistoryIsHereTheySaySo) {
  FillSmall(server_.Create("a/small"));
  daemon_.Set("history", "none");
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/small"), "content"));
  ASSERT_TRUE(WaitUntil([&] { return Insights("a/small").contains("languages"); }, kSoon));
  const json insights = Insights("a/small");
  EXPECT_EQ(insights["history"], "none");
  EXPECT_TRUE(insights["commits"]["total"].is_null());
  EXPECT_GT(insights["size"]["tipFiles"], 0);
  EXPECT_TRUE(IsValid("a/small"));
}

TEST_F(InsightsMountTest, AtStageTipTheyTellWhatIsKnown) {
  FillSmall(server_.Create("a/small"));
  server_.HoldContent("a/small");
  Mount();
  const json insights = Insights("a/small");
  EXPECT_EQ(insights["commit"], Head("a/small"));
  EXPECT_EQ(insights["history"], "not here yet");
  EXPECT_TRUE(IsValid("a/small"));
  server_.Release("a/small");
}

TEST_F(InsightsMountTest, FollowAPushAndWhatIsOpenStays) {
  FillSmall(server_.Create("a/small"));
  daemon_.Set("freshness.maxAge", "100ms");
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  ASSERT_TRUE(HasHistory("a/small", Head("a/small")));
  const std::string before = ReadFile(Path("a/small") / ".insights.json");
  ChildProcess holder =
      ChildProcess::Start({"sh", "-c",
                           "exec 3<'" + (Path("a/small") / ".insights.json").string() +
                               "'; touch '" + (scratch_ / "open").string() + "'; while [ ! -e '" +
                               (scratch_ / "go").string() + "' ]; do sleep 0.05; done; cat <&3"},
                          scratch_ / "held");
  ASSERT_TRUE(WaitUntil([&] { return std::filesystem::exists(scratch_ / "open"); }, kSoon));
  AddCommit(server_.Path("a/small"), "main", "new\n");
  ASSERT_TRUE(HasHistory("a/small", Head("a/small")));
  WriteFile(scratch_ / "go", "");
  EXPECT_EQ(holder.Wait(kSoon), 0);
  EXPECT_EQ(ReadFile(scratch_ / "held"), before);
}

TEST_F(InsightsMountTest, AnotherRefHasItsOwn) {
  FillSmall(server_.Create("a/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  ASSERT_TRUE(HasHistory("a/small@v1.1", Head("a/small", "v1.1^{commit}")));
  EXPECT_EQ(Insights("a/small@v1.1")["commits"]["total"].dump(),
            Git(server_.Path("a/small"), {"rev-list", "--count", "v1.1"}));
}

TEST_F(InsightsMountTest, TheCommandAnswersWithAndWithoutADaemon) {
  FillSmall(server_.Create("a/small"));
  Mount();
  EXPECT_EQ(daemon_.Cli({"insights", Key("a/small")}).status, 1);
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  ASSERT_TRUE(HasHistory("a/small", Head("a/small")));
  const std::string shown = ReadFile(Path("a/small") / ".insights.json");
  const std::string page = ReadFile(Path("a/small") / ".insights.html");
  EXPECT_EQ(daemon_.Cli({"insights", Path("a/small").string(), "--json"}).out, shown);
  const CommandResult served =
      Execute({"curl", "-s", "--unix-socket", (daemon_.cache() / "control.sock").string(),
               "http://x/v1/repos/" + Key("a/small") + "/insights"});
  EXPECT_EQ(served.out, shown) << served;
  ASSERT_TRUE(daemon_.Terminate());
  EXPECT_EQ(daemon_.Cli({"insights", Key("a/small"), "--json"}).out, shown);
  EXPECT_EQ(daemon_.Cli({"insights", Key("a/small"), "--html"}).out, page);
  EXPECT_NE(daemon_.Cli({"insights", Key("a/small")}).out.find("Commits"), std::string::npos);
  const std::string count = Git(server_.Path("a/small"), {"rev-list", "--count", "main"});
  const Argv sql = {"insights", "--all", "--sql", "SELECT count(*) AS n FROM commits"};
  EXPECT_EQ(daemon_.CliJson(sql), (json{{{"n", std::stoi(count)}}}));
  EXPECT_EQ(daemon_.Cli({"insights", "--all"}).status, 2);
}

TEST_F(InsightsMountTest, ThePageFitsInEveryWidthAndTheme) {
  if (!Execute({"chromium", "--version"}).ok()) {
    GTEST_SKIP() << "\n*** SKIPPED: chromium is not installed; the page is not looked at ***";
  }
  RepositoryBuilder builder(server_.Create("a/page"));
  for (int i = 0; i < 60; ++i) {
    builder.SetAuthor(std::string(60, static_cast<char>('a' + i % 20)) + "\"&'=; <x@" +
                      std::to_string(i % 20) + ">");
    builder.SetTime(1'600'000'000 + i * 2'000'000);
    builder.Commit(
        "main", "c",
        {File("src/" + std::string(180, 'x') + std::to_string(i % 9) + ".cc",
              std::to_string(i) + "\n"),
         File("src/\xd7\xa9\xe2\x80\xae<script>alert(1)<script>.py", std::to_string(i) + "\n")});
  }
  builder.Finish();
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/page")));
  ASSERT_TRUE(HasHistory("a/page", Head("a/page")));
  std::string page = json(ReadFile(Path("a/page") / ".insights.html")).dump();
  for (std::size_t at = page.find("</"); at != std::string::npos; at = page.find("</", at + 3)) {
    page.insert(at + 1, 1, '\\');
  }
  std::string wrapper = kMeasure;
  wrapper.replace(wrapper.find("PAGE"), 4, page);
  WriteFile(scratch_ / "look.html", wrapper);

  std::vector<std::string> colours;
  for (const char* scheme : {"0", "1"}) {  // Dark, light.
    const CommandResult looked = Execute(
        {"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--user-data-dir=" + (scratch_ / "chromium").string(),
         "--enable-logging=stderr", std::string("--blink-settings=preferredColorScheme=") + scheme,
         "--virtual-time-budget=10000", "--dump-dom",
         "file://" + (scratch_ / "look.html").string()});
    EXPECT_EQ(looked.err.find("CONSOLE"), std::string::npos) << looked.err;
    const std::size_t begin = looked.out.find("<title>[");
    ASSERT_NE(begin, std::string::npos) << looked.err;
    const std::string title = looked.out.substr(begin + 8, looked.out.find(']', begin) - begin - 8);
    for (const char* fits : {"1280:1280:", "390:390:", "360:360:"}) {
      EXPECT_NE(title.find(fits), std::string::npos) << title;
    }
    colours.push_back(title.substr(title.rfind(':')));
  }
  EXPECT_NE(colours[0], colours[1]) << "one theme only";
}

}  // namespace
}  // namespace reposfs::testing
