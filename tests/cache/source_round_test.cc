#include "cache/source_round.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace reposfs {
namespace {

const RepositoryKey kKey{"h", "o", "n"};

Source Peer(const std::string& node) {
  Source source;
  source.url = node;
  source.peer = PeerAccess{};
  source.peer->node = node;
  return source;
}

// Peers "a" and "b" before the upstream "up".
class FakeRing final : public Origin {
 public:
  std::vector<std::string> Hosts() const override { return {"h"}; }
  std::optional<HostOptions> HostOf(const std::string&) const override { return HostOptions{}; }
  std::vector<Source> SourcesOf(const RepositoryKey&, Wanted) const override {
    return {Peer("a"), Peer("b"), Source{"up", {}}};
  }
  void NoteAnswer(const Source& source, const Status& answer, milliseconds) const override {
    noted_ += source.url + (answer ? "+" : "-");
  }
  Result<HostTurn> AwaitHostTurn(const RepositoryKey&,
                                 const std::function<Status()>& keep_going) const override {
    if (auto going = keep_going(); !going) return std::move(going).error();
    auto held = std::make_shared<int>(0);
    held_ = held;
    return HostTurn{held, has_to_wait_};
  }
  std::optional<milliseconds> HedgeAfter(const Source&) const override { return hedge_after_; }
  Status MayWait(const Source& source, milliseconds) const override {
    if (source.url != impatient_with_) return {};
    return Error{Errc::kTimedOut, "too slow"};
  }

  bool has_to_wait_ = false;
  mutable std::weak_ptr<int> held_;  // The turn at the host.
  std::optional<milliseconds> hedge_after_;
  std::string impatient_with_;
  mutable std::string noted_;
};

// Answers as the test says, "" for success, by source.
class FakeTransport final : public Transport {
 public:
  Result<ListedRefs> ListRefs(const Source& source,
                              const std::function<Status()>& keep_going) override {
    {
      MutexLock lock(mutex_);
      asked_ += source.url + " ";
      if (source.peer) age_max_ = source.peer->refs_age_max;
    }
    do {
      if (auto going = keep_going(); !going) return std::move(going).error();
    } while (source.url == silent_ && failure_count_ == 0);
    if (auto answer = AnswerOf(source); !answer) return std::move(answer).error();
    return ListedRefs{RefSnapshot("", {}, {}), source.peer ? peer_age_ : milliseconds(0)};
  }
  Status Fetch(const FetchRequest& request) override {
    asked_ += request.source.url + " ";
    if (on_fetch_) on_fetch_(request.source);
    FetchProgress progress;
    progress.received_bytes = 1;
    if (auto going = request.on_progress(progress); !going) return going;
    return AnswerOf(request.source);
  }

  std::function<void(const Source&)> on_fetch_;
  std::map<std::string, Errc> failures_;
  std::string silent_;  // Until it is left, or somebody has failed.
  mutable std::atomic<int> failure_count_{0};
  Mutex mutex_;  // A leaf lock, of what follows while two are asked.
  std::string asked_;
  milliseconds age_max_{};
  milliseconds peer_age_{};

 private:
  Status AnswerOf(const Source& source) const {
    const auto failure = failures_.find(source.url);
    if (failure == failures_.end()) return {};
    ++failure_count_;
    return Error{failure->second, source.url + " fails"};
  }
};

class SourceRoundTest : public ::testing::Test {
 protected:
  Result<ListedRefs> List(Status going = {}) {
    return round_.ListRefs(kKey, Wanted::kRefs, std::chrono::seconds(45), [&] { return going; });
  }
  // The check of what came fails until `good_attempt`, counted from 1.
  Status Fetch(Status going = {}, int good_attempt = 1) {
    FetchRequest request;
    request.on_progress = [&](const FetchProgress&) { return going; };
    return round_.Fetch(kKey, std::move(request),
                        {[&]() -> Status {
                           ++prepared_;
                           return {};
                         },
                         [&](const Source&) -> Status {
                           if (prepared_ >= good_attempt) return {};
                           return Error{Errc::kCorrupt, "something else came"};
                         }});
  }

  FakeRing ring_;
  FakeTransport transport_;
  SourceRound round_{ring_, transport_};
  int prepared_ = 0;
};

TEST_F(SourceRoundTest, TheFirstThatAnswersIsTheLastThatIsAsked) {
  EXPECT_TRUE(List());
  EXPECT_TRUE(Fetch());
  EXPECT_EQ(transport_.asked_, "a a ");
  EXPECT_EQ(transport_.age_max_, std::chrono::seconds(45));
  EXPECT_EQ(ring_.noted_, "a+a+");
}

TEST_F(SourceRoundTest, APeerThatFailsInAnyWayCostsARetryElsewhere) {
  for (const Errc code : {Errc::kNotFound, Errc::kAccessDenied, Errc::kUnreachable, Errc::kTimedOut,
                          Errc::kCorrupt, Errc::kUnsupported, Errc::kInvalidArgument}) {
    transport_.asked_.clear();
    transport_.failures_ = {{"a", code}};
    EXPECT_TRUE(List()) << ErrcName(code);
    EXPECT_TRUE(Fetch()) << ErrcName(code);
    EXPECT_EQ(transport_.asked_, "a b a b ") << ErrcName(code);
  }
}

TEST_F(SourceRoundTest, WhatAPeerRemembersMustBeFreshEnough) {
  transport_.peer_age_ = std::chrono::seconds(45);
  EXPECT_TRUE(List());
  EXPECT_EQ(transport_.asked_, "a ");
  transport_.asked_.clear();
  transport_.peer_age_ = std::chrono::seconds(48);
  EXPECT_TRUE(List());
  EXPECT_EQ(transport_.asked_, "a b up ");
}

TEST_F(SourceRoundTest, WhatIsTooOldIsBetterThanNothing) {
  transport_.peer_age_ = std::chrono::hours(1);
  transport_.failures_ = {{"up", Errc::kUnreachable}};
  const auto refs = List();
  ASSERT_TRUE(refs);
  EXPECT_EQ(refs->age, std::chrono::hours(1));
  ASSERT_TRUE(refs->host_failure);
  EXPECT_EQ(refs->host_failure->message, "up fails");
  EXPECT_TRUE(refs->by_peer);
  transport_.failures_ = {{"up", Errc::kNotFound}};
  EXPECT_FALSE(List()) << "the host says that it is gone";
}

TEST_F(SourceRoundTest, ASecondPeerIsAskedWhileTheFirstIsSilent) {
  ring_.hedge_after_ = milliseconds(0);
  transport_.silent_ = "a";
  EXPECT_TRUE(List());
  EXPECT_EQ(transport_.asked_, "a b ");
  EXPECT_EQ(ring_.noted_, "b+") << "who was left is not to blame";
}

TEST_F(SourceRoundTest, ASecondPeerThatFailsDoesNotEndTheFirst) {
  ring_.hedge_after_ = milliseconds(0);
  transport_.silent_ = "a";
  transport_.failures_ = {{"b", Errc::kUnreachable}};
  EXPECT_TRUE(List());
  EXPECT_EQ(transport_.asked_, "a b ");
  EXPECT_EQ(ring_.noted_, "a+");
}

TEST_F(SourceRoundTest, TheSecondPeerIsWaitedForWhenTheFirstFails) {
  ring_.hedge_after_ = milliseconds(0);
  transport_.silent_ = "b";
  transport_.failures_ = {{"a", Errc::kUnreachable}};
  EXPECT_TRUE(List());
  EXPECT_EQ(transport_.asked_.substr(0, 4), "a b ");
}

TEST_F(SourceRoundTest, TheHostItselfHasTheLastWord) {
  transport_.failures_ = {
      {"a", Errc::kUnreachable}, {"b", Errc::kNotFound}, {"up", Errc::kAccessDenied}};
  const auto refs = List();
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().code, Errc::kAccessDenied);
  EXPECT_EQ(Fetch().error().message, "up fails");
  EXPECT_EQ(ring_.noted_, "a-b-a-b-") << "the host is no peer";
}

TEST_F(SourceRoundTest, TheHostIsAskedInTurn) {
  transport_.failures_ = {{"a", Errc::kNotFound}, {"b", Errc::kNotFound}};
  transport_.on_fetch_ = [&](const Source& source) {
    EXPECT_EQ(ring_.held_.expired(), source.peer.has_value()) << source.url;
  };
  EXPECT_TRUE(Fetch());
  EXPECT_EQ(transport_.asked_, "a b up ");
  EXPECT_TRUE(ring_.held_.expired());
}

TEST_F(SourceRoundTest, WhoHasWaitedForTheHostAsksItsPeersAgain) {
  ring_.has_to_wait_ = true;
  transport_.failures_ = {{"a", Errc::kNotFound}, {"b", Errc::kNotFound}};
  EXPECT_TRUE(Fetch());
  EXPECT_EQ(transport_.asked_, "a b a b up ");
}

TEST_F(SourceRoundTest, OurOwnTroubleIsNoReasonToAskAgain) {
  for (const Errc code : {Errc::kIo, Errc::kInterrupted}) {
    transport_.asked_.clear();
    transport_.failures_ = {{"a", code}};
    EXPECT_EQ(Fetch().error().code, code);
    EXPECT_EQ(transport_.asked_, "a ");
  }
}

TEST_F(SourceRoundTest, AnAnswerOfAPeerThatDoesNotEndIsNotOurTrouble) {
  transport_.failures_ = {{"a", Errc::kNoSpace}};
  EXPECT_TRUE(Fetch());
  EXPECT_EQ(transport_.asked_, "a b ");
}

TEST_F(SourceRoundTest, WhatDoesNotFitHereIsAskedOfTheHostButOfNoOtherPeer) {
  ring_.has_to_wait_ = true;
  FetchRequest request;
  request.on_progress = [&](const FetchProgress& progress) -> Status {
    if (progress.received_bytes == 0 || transport_.asked_ != "a ") return {};
    return Error{Errc::kNoSpace, "larger than the quota"};
  };
  const SourceRound::Attempt attempt{[]() -> Status { return {}; },
                                     [](const Source&) -> Status { return {}; }};
  EXPECT_TRUE(round_.Fetch(kKey, request, attempt));
  EXPECT_EQ(transport_.asked_, "a up ");
  transport_.asked_.clear();
  request.on_progress = [&](const FetchProgress& progress) -> Status {
    if (progress.received_bytes == 0) return {};
    return Error{Errc::kNoSpace, "larger than the quota"};
  };
  const auto too_large = round_.Fetch(kKey, request, attempt);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().message, "larger than the quota");
  EXPECT_EQ(transport_.asked_, "a up ") << "it is as large as the peer said";
}

TEST_F(SourceRoundTest, WhoGivesUpWaitingEndsTheRoundAndBlamesNobody) {
  const Error gone{Errc::kTimedOut, "nobody waits any more"};
  EXPECT_EQ(List(gone).error().message, gone.message);
  EXPECT_EQ(Fetch(gone).error().message, gone.message);
  EXPECT_EQ(transport_.asked_, "a a ");
  EXPECT_EQ(ring_.noted_, "");
}

TEST_F(SourceRoundTest, APeerThatIsSilentForTooLongIsLeft) {
  ring_.impatient_with_ = "a";
  EXPECT_TRUE(List());
  EXPECT_TRUE(Fetch());
  EXPECT_EQ(transport_.asked_, "a b a b ");
  EXPECT_EQ(ring_.noted_, "a-b+a-b+");
}

TEST_F(SourceRoundTest, WhatAPeerSendsIsLookedAtAndOtherwiseForgotten) {
  EXPECT_TRUE(Fetch({}, 3));
  EXPECT_EQ(transport_.asked_, "a b up ");
  EXPECT_EQ(prepared_, 3) << "each begins with an empty staging";
  EXPECT_EQ(ring_.noted_, "a-b-");
}

}  // namespace
}  // namespace reposfs
