// What happens to a ring when one of its nodes does not do its part.

#include <signal.h>

#include "tests/fault/ring_test.h"

namespace reposfs::testing {
namespace {

class RingFaultTest : public RingTest {
 protected:
  static constexpr int kVictim = 2;

  // All of the ring is in order, and then `fault` is done to the victim while 16 threads read on
  // the others what these do not own; `heal` undoes it.
  void ExpectNobodyNotices(const std::function<void()>& fault, const std::function<void()>& heal) {
    MakeRepositories(IsLong() ? 30 : 8);
    StartNodes();
    ExpectAllReadable(1);
    ASSERT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
    host_->ForgetRequests();

    fault();
    {
      Readers readers({&Node(1), &Node(3)}, names_, 16);
      // What is not a node's own is fetched again and again.
      for (int round = 0; round < (IsLong() ? 20 : 3); ++round) {
        for (const int node : {1, 3}) {
          for (const std::string& name : names_) {
            if (!IsOwner(node, name)) (void)Node(node).Cli({"evict", Key(name)});
          }
        }
        const std::int64_t before = readers.read_count();
        EXPECT_TRUE(WaitUntil([&] { return readers.read_count() > before + 100; }, kSettleTimeout));
      }
      readers.Stop();
      EXPECT_EQ(readers.failures(), "");
      EXPECT_LT(readers.slowest(), kSlowestRead);
      RecordProperty("slowest_ms", static_cast<int>(readers.slowest().count()));
    }
    heal();
    EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
    // It has missed the others as they have missed it, and would go to the host for what they have.
    const auto all_met_again = [&] {
      return StateOf(1, kVictim) == "up" && StateOf(kVictim, 1) == "up" &&
             StateOf(kVictim, 3) == "up";
    };
    EXPECT_TRUE(WaitUntil(all_met_again, kSettleTimeout));
    ExpectAllReadable(kVictim);
    for (const std::string& name : names_) {
      for (const auto& [ask, count] : AsksOf(name)) {
        EXPECT_FALSE(ask.ends_with(" fetch"))
            << name << " was fetched from the host again: " << ask;
      }
    }
  }
  std::string StateOf(int asked, int node) {
    const nlohmann::json ring = Node(asked).CliJson({"ring", "nodes"});
    for (const auto& one : ring["members"]) {
      if (one["id"] == "n" + std::to_string(node)) return one["state"];
    }
    return "unknown";
  }
};

TEST_F(RingFaultTest, ANodeThatIsKilledIsDoneWithout) {
  ExpectNobodyNotices([&] { Node(kVictim).Kill9(); }, [&] { ASSERT_TRUE(Node(kVictim).Start()); });
}

TEST_F(RingFaultTest, ANodeThatIsStoppedIsDoneWithout) {
  ExpectNobodyNotices([&] { kill(Node(kVictim).pid(), SIGSTOP); },
                      [&] { kill(Node(kVictim).pid(), SIGCONT); });
}

TEST_F(RingFaultTest, ANodeThatIsCutOffIsDoneWithout) {
  ExpectNobodyNotices([&] { network_->Unplug(kVictim); }, [&] { network_->Plug(kVictim); });
}

TEST_F(RingFaultTest, ANodeWhoseAnswersGetLostIsDoneWithout) {
  ExpectNobodyNotices(
      [&] {
        for (const int other : {1, 3}) network_->Lose(kVictim, other);
      },
      [&] {
        for (const int other : {1, 3}) network_->LoseNoMore(kVictim, other);
      });
}

TEST_F(RingFaultTest, ANodeThatFlapsIsDoneWithout) {
  std::atomic<bool> flapping{true};
  std::thread hand;
  ExpectNobodyNotices(
      [&] {
        hand = std::thread([&] {
          for (bool plugged = true; flapping; plugged = !plugged) {
            plugged ? network_->Unplug(kVictim) : network_->Plug(kVictim);
            WaitUntil([&] { return !flapping; }, std::chrono::seconds(5));
          }
        });
      },
      [&] {
        flapping = false;
        hand.join();
        network_->Plug(kVictim);
      });
}

}  // namespace
}  // namespace reposfs::testing
