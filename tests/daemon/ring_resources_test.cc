// What the HTTP interface tells about a ring, and how a ring is made of the configuration.
#include "daemon/ring_resources.h"

#include <nlohmann/json.hpp>

#include "daemon/control_api.h"
#include "daemon/ring_setup.h"
#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

using nlohmann::json;

class RingResourcesTest : public CacheTest {
 protected:
  void MakeRing() {
    config_.ring.enabled = true;
    config_.ring.node_id = "a";
    config_.ring.nodes = {{"a", "http://127.0.0.1:1"}, {"b", "http://127.0.0.1:1", 3}};
    auto made = MakeMembership(config_, RingRole::kNode, clock_);
    ASSERT_TRUE(made) << made.error().message;
    membership_ = std::move(*made);
    membership_->Start();
    ASSERT_TRUE(
        testing::WaitUntil([&] { return membership_->view()->nodes().size() == 2; }, kSoon));
  }

  json Get(const std::string& path) {
    DaemonFacts facts;
    if (membership_) facts.ring = [this] { return membership_->view(); };
    facts.ring_work = [] { return RingWork{{"h/o/a"}, 2, {"h/o/b"}}; };
    const ControlApi api(*cache_, std::move(facts));
    HttpResponse answer;
    api.Handle(HttpRequest{"GET", path, ""}, ControlAccess::kReadOnly,
               [&](HttpResponse response) { answer = std::move(response); });
    return json::parse(answer.body);
  }

  Config config_;
  std::unique_ptr<Membership> membership_;
};

TEST_F(RingResourcesTest, WithoutARingThereAreNoMembersAndNoOwners) {
  Open();
  EXPECT_EQ(Get("/v1/ring")["enabled"], false);
  EXPECT_EQ(Get("/v1/ring")["members"], json::array());
  EXPECT_EQ(Get("/v1/ring/owners/h/o/n")["owners"], json::array());
}

TEST_F(RingResourcesTest, MembersAreToldWithTheirShareAndHealth) {
  Open();
  MakeRing();
  const auto b_is_down = [&] { return Get("/v1/ring")["members"][1]["state"] != "up"; };
  ASSERT_TRUE(testing::WaitUntil(b_is_down, kSoon)) << "nobody listens at port 1";
  const json ring = Get("/v1/ring");
  EXPECT_EQ(ring["self"], "a");
  EXPECT_EQ(ring["copying"], json::array({"h/o/a"}));
  EXPECT_EQ(ring["waiting"], 2);
  EXPECT_EQ(ring["leaving"], json::array({"h/o/b"}));
  const json& a = ring["members"][0];
  const json& b = ring["members"][1];
  EXPECT_EQ(a["self"], true);
  EXPECT_EQ(a["state"], "up");
  EXPECT_EQ(a["since"], nullptr);
  EXPECT_EQ(b["weight"], 3);
  EXPECT_TRUE(b["lastError"].is_string());
  EXPECT_NEAR(a["share"].get<double>() + b["share"].get<double>(), 100, 0.02);
  EXPECT_NEAR(b["share"].get<double>(), 75, 8);
}

TEST_F(RingResourcesTest, OwnersAreToldInOrder) {
  Open();
  MakeRing();
  const json answer = Get("/v1/ring/owners/H/o/n");
  EXPECT_EQ(answer["key"], "h/o/n") << "the spelling of the cache";
  const auto view = membership_->view();
  const auto owners = view->OwnersOf("h/o/n");
  ASSERT_EQ(answer["owners"].size(), 2u);
  EXPECT_EQ(answer["owners"][0]["id"], view->nodes()[owners[0]].member.id);
  EXPECT_EQ(answer["owners"][1]["id"], view->nodes()[owners[1]].member.id);
  EXPECT_TRUE(Get("/v1/ring/owners/unknown/o/n").contains("error"));
}

TEST_F(RingResourcesTest, ARingWithoutItsSecretIsRefused) {
  config_.ring.enabled = true;
  config_.ring.token_file = "/nonexistent";
  const auto made = MakeMembership(config_, RingRole::kNode, clock_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message.substr(0, 15), "ring.tokenFile:");
}

}  // namespace
}  // namespace reposfs
