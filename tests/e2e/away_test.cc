// An agent or a hub that is away, killed or frozen at a bad moment: the world ends as wanted, and what did
// not change was not touched.
#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

class Away : public NoopFleet {
 protected:
  Away() { fleet.add_agent({.name = "local-1"}); }
  const std::string web = "local-1.default.shop.workload.web";
};

TEST_F(Away, AnAgentThatMissedApplyBuildAndDeleteEndsRight) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto before = world();

  fleet.stop_agent("local-1");
  fleet.apply(shop());
  (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"});
  EXPECT_EQ(fleet.qleet({"delete", "app", "cart"}).exit, 0);
  ASSERT_TRUE(until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Lost"; }));
  // Nothing of a lost agent is shown as ready.
  EXPECT_NE(fleet.deployment_state("shop.default"), "Ready");

  fleet.start_agent("local-1");
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }, 30s));
  ASSERT_TRUE(settled());
  const auto after = world();
  EXPECT_EQ(after.at(web).changes, 1u) << "release 1 was never made";
  EXPECT_FALSE(after.contains("local-1.default.cart.workload.api"));
  const std::string shared = "local-1.default.-.redis.sessions";
  EXPECT_EQ(after.at(shared).changes, before.at(shared).changes);
}

TEST_F(Away, AnAgentWithoutItsHubRepairsDrift) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  fleet.stop_hub();
  EXPECT_EQ(fleet.nats_pid(), 0) << "an orderly stop of the hub takes its nats-server along";
  fleet.kill_agent("local-1");
  vanish("local-1.default.shop.postgres.web.db");
  ASSERT_FALSE(world().contains("local-1.default.shop.postgres.web.db"));
  fleet.start_agent("local-1");
  ASSERT_TRUE(until([&] { return world().contains("local-1.default.shop.postgres.web.db"); }));

  fleet.start_hub();
  ASSERT_TRUE(settled());
  for (const auto& [name, made] : world()) {
    if (name == "local-1.default.shop.postgres.web.db") continue;
    EXPECT_EQ(made.changes, before.at(name).changes) << name;
  }
}

TEST_F(Away, HubKilledBetweenCommitAndPublish) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  // What is committed now cannot be published.
  fleet.signal_nats(SIGSTOP);
  fleet.apply(cart());
  (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"});
  fleet.kill_hub();
  fleet.signal_nats(SIGCONT);
  EXPECT_FALSE(world().contains("local-1.default.cart.workload.api"));

  fleet.start_hub();
  ASSERT_TRUE(until([&] { return fleet.runs("cart", 1) && fleet.runs("shop", 2); }, 30s));
  ASSERT_TRUE(settled());
  EXPECT_EQ(world().at(web).changes, before.at(web).changes + 1);
}

TEST_F(Away, HubKilledRightAfterItsAnswers) {
  for (int round = 0; round < 3; ++round) {
    fleet.apply(shop("round " + std::to_string(round)));
    fleet.kill_hub();
    fleet.start_hub();
  }
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 3); }, 30s));
  ASSERT_TRUE(settled());
  EXPECT_EQ(fleet.qleet({"delete", "app", "shop"}).exit, 0);
  fleet.kill_hub();
  fleet.start_hub();
  EXPECT_TRUE(empty());
}

TEST_F(Away, AgentKilledDuringRollouts) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  for (int round = 2; round < 5; ++round) {
    (void)fleet.json({"build", "notify", "--image",
                      build("main-" + std::to_string(round), static_cast<char>('0' + round)), "-o", "json"});
    // Somewhere on the way: it takes 300 ms.
    nap(std::chrono::milliseconds(60 * round));
    fleet.kill_agent("local-1");
    fleet.start_agent("local-1");
  }
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 4); }, 30s));
  ASSERT_TRUE(settled());
  for (const auto& [name, made] : world()) {
    if (name != web) EXPECT_EQ(made.changes, before.at(name).changes) << name;
  }
}

TEST_F(Away, NatsServerKilledAndFrozen) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const pid_t first = fleet.nats_pid();
  ASSERT_GT(first, 0);
  fleet.signal_nats(SIGKILL);
  fleet.apply(cart());
  ASSERT_TRUE(until([&] { return fleet.runs("cart", 1); }, 30s));
  EXPECT_NE(fleet.nats_pid(), first);

  const auto before = world();
  fleet.signal_nats(SIGSTOP);
  (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"});
  ASSERT_TRUE(until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Lost"; }));
  fleet.signal_nats(SIGCONT);
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }, 30s));
  ASSERT_TRUE(settled());
  EXPECT_EQ(world().at(web).changes, before.at(web).changes + 1);
}

}  // namespace
}  // namespace qleet::test
