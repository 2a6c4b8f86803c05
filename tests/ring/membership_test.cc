#include "ring/membership.h"

#include <gtest/gtest.h>

#include "ring/static_member_source.h"
#include "tests/ring/health_server.h"
#include "tests/support/command.h"

namespace reposfs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HealthServer;

// Names members when the test says so.
class ToldSource final : public MemberSource {
 public:
  void Start(Listener listener) override { listener_ = std::move(listener); }
  void Stop() override { listener_ = nullptr; }
  void Say(Result<std::vector<Member>> members) { listener_(std::move(members)); }

 private:
  Listener listener_;
};

// This node is "self" and asks real servers; nothing is ever listening at port 1.
class MembershipTest : public ::testing::Test {
 protected:
  MembershipTest() {
    options_.node_id = "self";
    options_.health_check_interval = milliseconds(20);
    options_.timeout = milliseconds(500);
    options_.leave_after = hours(1);
  }
  ~MembershipTest() override { Stop(); }

  void Start() {
    auto source = std::make_unique<ToldSource>();
    source_ = source.get();
    membership_ = std::make_unique<Membership>(options_, std::move(source), clock_);
    membership_->AddListener([this](const RingView& before, const RingView& after) {
      MutexLock lock(mutex_);
      changes_.push_back(Summary(before) + " -> " + Summary(after));
    });
    membership_->Start();
  }
  void Stop() { membership_.reset(); }

  static std::string Summary(const RingView& view) {
    std::string text;
    for (const RingNode& node : view.nodes()) {
      text += (text.empty() ? "" : " ") + node.member.id;
      text += ":" + std::string(MemberStateName(node.state));
      if (node.vanished != WallTime()) text += ":vanished";
    }
    return text.empty() ? "nobody" : text;
  }
  std::string Now() const { return Summary(*membership_->view()); }
  std::vector<std::string> changes() {
    MutexLock lock(mutex_);
    return changes_;
  }
  ::testing::AssertionResult Becomes(const std::string& summary) {
    if (testing::WaitUntil([&] { return Now() == summary; }, seconds(10))) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << Now() << " instead of " << summary;
  }

  const Member self_{"self", "http://127.0.0.1:1"};
  MembershipOptions options_;
  SystemClock clock_;
  ToldSource* source_ = nullptr;
  Mutex mutex_;
  std::vector<std::string> changes_ REPOSFS_GUARDED_BY(mutex_);
  std::unique_ptr<Membership> membership_;
};

TEST_F(MembershipTest, NobodyIsInTheRingBeforeTheSourceSpeaks) {
  Start();
  EXPECT_EQ(Now(), "nobody");
  EXPECT_TRUE(membership_->view()->OwnersOf("h/o/n").empty());
  EXPECT_FALSE(membership_->view()->self());
  EXPECT_FALSE(membership_->view()->OwnsItself("h/o/n"));
}

TEST_F(MembershipTest, WhoIsNamedJoinsAtOnceAndOwnsItsShare) {
  HealthServer other;
  Start();
  source_->Say(std::vector<Member>{self_, {"other", other.address()}});
  EXPECT_TRUE(Becomes("other:up self:up"));
  const auto view = membership_->view();
  EXPECT_EQ(view->self(), MemberIndex{1});
  EXPECT_EQ(view->OwnersOf("h/o/n").size(), 2u);
  EXPECT_TRUE(view->OwnsItself("h/o/n"));
  EXPECT_TRUE(view->Owns("other", "h/o/n"));
  EXPECT_FALSE(view->Owns("stranger", "h/o/n"));
  EXPECT_TRUE(testing::WaitUntil([&] { return changes().size() == 1; }, seconds(10)));
  EXPECT_EQ(changes()[0], "nobody -> other:up self:up");
}

TEST_F(MembershipTest, WhoDoesNotAnswerIsSuspectThenDownAndKeepsItsPlace) {
  Start();
  source_->Say(std::vector<Member>{self_, {"gone", "http://127.0.0.1:1"}});
  EXPECT_TRUE(Becomes("gone:down self:up")) << "itself is not asked, though it does not answer";
  const auto seen = changes();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1], "gone:up self:up -> gone:suspect self:up");
  EXPECT_EQ(seen[2], "gone:suspect self:up -> gone:down self:up");
  EXPECT_EQ(membership_->view()->OwnersOf("h/o/n").size(), 2u);
  const RingNode node = membership_->view()->nodes()[0];
  EXPECT_NE(node.last_error, "");
  EXPECT_NE(node.since, WallTime());
}

TEST_F(MembershipTest, WhoAnswersAgainComesBack) {
  HealthServer other;
  other.SetStatus(503);
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(Becomes("other:down"));
  EXPECT_NE(membership_->view()->nodes()[0].last_error.find("503"), std::string::npos);
  other.SetStatus(200);
  EXPECT_TRUE(Becomes("other:up"));
}

TEST_F(MembershipTest, WhoIsSilentIsDownAndKeepsNobodyFromBeingChecked) {
  HealthServer silent;
  HealthServer other;
  silent.SetSilent(true);
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}, {"silent", silent.address()}});
  EXPECT_TRUE(Becomes("other:up silent:down"));
  EXPECT_GT(other.requests(), silent.requests());
}

TEST_F(MembershipTest, ChecksShowTheSecretOfTheRing) {
  HealthServer other;
  options_.token = "s3cret";
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(testing::WaitUntil([&] { return other.requests() > 0; }, seconds(10)));
  EXPECT_EQ(other.last_request().substr(0, 21), "GET /healthz HTTP/1.1");
  EXPECT_NE(other.last_request().find("\r\nAuthorization: Bearer s3cret\r\n"), std::string::npos);
}

TEST_F(MembershipTest, WhoVanishesKeepsItsPlaceUntilItsTimeIsOver) {
  HealthServer other;
  options_.leave_after = milliseconds(300);
  Start();
  source_->Say(std::vector<Member>{self_, {"other", other.address()}});
  ASSERT_TRUE(Becomes("other:up self:up"));
  source_->Say(std::vector<Member>{self_});
  EXPECT_TRUE(Becomes("other:up:vanished self:up"));
  EXPECT_EQ(membership_->view()->ring().members().size(), 2u);
  EXPECT_TRUE(Becomes("self:up"));
  EXPECT_EQ(membership_->view()->ring().members().size(), 1u);
}

TEST_F(MembershipTest, AFlapOfDiscoveryMovesNothing) {
  HealthServer other;
  Start();
  const std::vector<Member> both = {self_, {"other", other.address()}};
  source_->Say(both);
  ASSERT_TRUE(Becomes("other:up self:up"));
  const auto before = membership_->view();
  source_->Say(std::vector<Member>{});
  ASSERT_TRUE(Becomes("other:up:vanished self:up:vanished"));
  source_->Say(both);
  ASSERT_TRUE(Becomes("other:up self:up"));
  EXPECT_EQ(&membership_->view()->ring(), &before->ring()) << "it is the same ring";
}

TEST_F(MembershipTest, AFailingSourceChangesNoMembersAndIsTold) {
  HealthServer other;
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(Becomes("other:up"));
  source_->Say(Error{Errc::kUnreachable, "no nameserver"});
  EXPECT_TRUE(testing::WaitUntil(
      [&] { return membership_->view()->discovery_error() == "no nameserver"; }, seconds(10)));
  EXPECT_EQ(Now(), "other:up");
  source_->Say(std::vector<Member>{{"other", other.address()}});
  EXPECT_TRUE(testing::WaitUntil([&] { return membership_->view()->discovery_error().empty(); },
                                 seconds(10)));
}

TEST_F(MembershipTest, MembersThatMakeNoRingLeaveTheLastOne) {
  HealthServer other;
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(Becomes("other:up"));
  std::vector<Member> heavy;
  for (int number = 0; number < 20; ++number) {
    heavy.push_back({"heavy-" + std::to_string(number), other.address(), 1000});
  }
  source_->Say(heavy);
  EXPECT_TRUE(testing::WaitUntil([&] { return !membership_->view()->discovery_error().empty(); },
                                 seconds(10)));
  EXPECT_EQ(membership_->view()->ring().members().size(), 1u);
}

TEST_F(MembershipTest, WhoMovesToAnotherAddressIsAskedThere) {
  HealthServer there;
  Start();
  source_->Say(std::vector<Member>{{"other", "http://127.0.0.1:1"}});
  ASSERT_TRUE(Becomes("other:down"));
  source_->Say(std::vector<Member>{{"other", there.address()}});
  EXPECT_TRUE(Becomes("other:up"));
  EXPECT_TRUE(testing::WaitUntil([&] { return there.requests() > 0; }, seconds(10)));
  EXPECT_EQ(membership_->view()->nodes()[0].member.address, there.address());
}

TEST_F(MembershipTest, AReportedFailureCountsAndStartsACheckAtOnce) {
  HealthServer other;
  options_.health_check_interval = hours(1);
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(testing::WaitUntil([&] { return other.requests() == 1; }, seconds(10)));
  other.SetStatus(500);
  membership_->ReportFailure("other", Error{Errc::kTimedOut, "too slow"});
  EXPECT_TRUE(Becomes("other:down")) << "by the report and the check that it started";
  EXPECT_LE(other.requests(), 3) << "one more if the first check ended after the report";
}

TEST_F(MembershipTest, AReportedSuccessCounts) {
  HealthServer other;
  other.SetSilent(true);  // No check comes to an end.
  options_.timeout = hours(1);
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(Becomes("other:up"));
  membership_->ReportFailure("other", Error{Errc::kTimedOut, "too slow"});
  EXPECT_TRUE(Becomes("other:suspect"));
  membership_->ReportSuccess("other", milliseconds(1));
  EXPECT_TRUE(Becomes("other:up"));
}

TEST_F(MembershipTest, AStormOfReportsStartsFewChecks) {
  HealthServer other;
  options_.health_check_interval = hours(1);
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(testing::WaitUntil([&] { return other.requests() == 1; }, seconds(10)));
  const auto begin = std::chrono::steady_clock::now();
  for (int report = 0; report < 2000; ++report) {
    membership_->ReportFailure("other", Error{Errc::kTimedOut, "too slow"});
    membership_->ReportSuccess("other", milliseconds(1));
  }
  ASSERT_TRUE(testing::WaitUntil([&] { return other.requests() >= 2; }, seconds(10)));
  const auto took = std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - begin);
  EXPECT_LE(other.requests(), 2 + took.count()) << "one a second";
}

TEST_F(MembershipTest, ReportsAboutStrangersArePassedOver) {
  Start();
  membership_->ReportFailure("stranger", Error{Errc::kTimedOut, "too slow"});
  membership_->ReportSuccess("stranger", milliseconds(1));
  EXPECT_EQ(Now(), "nobody");
}

TEST_F(MembershipTest, HedgesFollowWhatAMemberUsuallyTakes) {
  HealthServer other;
  Start();
  source_->Say(std::vector<Member>{{"other", other.address()}});
  ASSERT_TRUE(Becomes("other:up"));
  EXPECT_EQ(membership_->HedgeDelay("other"), milliseconds(500)) << "the timeout, as yet";
  for (int answer = 0; answer < 64; ++answer) membership_->ReportSuccess("other", milliseconds(40));
  EXPECT_EQ(membership_->HedgeDelay("other"), milliseconds(40));
  for (int answer = 0; answer < 64; ++answer) membership_->ReportSuccess("other", milliseconds(1));
  EXPECT_EQ(membership_->HedgeDelay("other"), milliseconds(10)) << "less is not worth it";
  for (int answer = 0; answer < 64; ++answer) membership_->ReportSuccess("other", seconds(9));
  EXPECT_EQ(membership_->HedgeDelay("other"), milliseconds(500)) << "never more than the timeout";
  EXPECT_EQ(membership_->HedgeDelay("stranger"), milliseconds(500));
}

TEST_F(MembershipTest, StoppingDoesNotWaitForSilentMembers) {
  HealthServer silent;
  silent.SetSilent(true);
  options_.timeout = hours(1);
  Start();
  source_->Say(std::vector<Member>{{"silent", silent.address()}});
  ASSERT_TRUE(testing::WaitUntil([&] { return silent.requests() == 1; }, seconds(10)));
  const auto begin = std::chrono::steady_clock::now();
  Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST_F(MembershipTest, AStaticListIsThereAtOnce) {
  HealthServer other;
  Membership membership(
      options_,
      std::make_unique<StaticMemberSource>(std::vector<Member>{self_, {"other", other.address()}}),
      clock_);
  membership.Start();
  EXPECT_TRUE(
      testing::WaitUntil([&] { return membership.view()->nodes().size() == 2; }, seconds(10)));
}

}  // namespace
}  // namespace reposfs
