// The example that the quickstart shows: delivered without a failed request, killed at bad moments, shared,
// and taken away.
#include <algorithm>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

class Shop : public ContainerFleet {
 protected:
  static void order() {
    const auto posted = run({"curl", "-fsS", "-m", "10", "-X", "POST", "-o", "/dev/null",
                             "http://127.0.0.1:" + std::to_string(port()) + "/orders"});
    EXPECT_EQ(posted.exit, 0) << posted.err;
  }
  // As CI does; the release that comes of it.
  static long notify(const std::string& image) {
    const Json told = fleet().json({"build", "notify", "--image", image, "-o", "json"});
    EXPECT_EQ(told["releases"].size(), 1u) << told.dump();
    return told["releases"].size() == 1 ? told["releases"].items()[0]["release"].number() : 0;
  }
  static long replicas(const std::string& image) {
    const auto names =
        fleet().podman(agent, {"ps", "--filter", "ancestor=" + image, "--format", "{{.Names}}"}).out;
    return std::ranges::count(names, '\n');
  }
  const std::string file = QLEET_TOP "/examples/shop/shop.yaml";
  const std::vector<std::string> untouched{"postgres", "redis", "router"};
};

TEST_F(Shop, ANewBuildRollsOutWithoutAFailedRequestAndBackAgain) {
  up(file);
  ASSERT_TRUE(answers("localhost", "/", "Welcome to the shop"));
  order();
  ASSERT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>"));
  EXPECT_EQ(replicas("localhost/shop/web:main-1"), 2);
  const auto before = started(untouched);
  EXPECT_EQ(before.size(), 3u) << ::testing::PrintToString(containers());

  const std::string image = build_shop("main-2", "A page from main-2");
  SteadyClient client(port(), "localhost", {"Welcome to the shop", "A page from main-2"});
  ASSERT_TRUE(until([&] { return client.requests() > 50; }));
  const auto told = fleet().qleet({"build", "notify", "--image", image, "--wait", "--timeout", "1m"});
  EXPECT_EQ(told.exit, 0) << told.out << told.err;
  ASSERT_TRUE(answers("localhost", "/", "A page from main-2"));
  EXPECT_TRUE(until([] { return replicas("localhost/shop/web:main-1") == 0; }));
  const auto asked_then = client.requests();
  EXPECT_TRUE(until([&] { return client.requests() > asked_then + 100; }));
  const Asked asked = client.stop();
  EXPECT_TRUE(asked.failures.empty()) << asked.text();
  EXPECT_EQ(asked.seen.size(), 2u) << asked.text();
  EXPECT_EQ(started(untouched), before);
  EXPECT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>"));

  const Json history = fleet().json({"history", "shop", "-o", "json"});
  ASSERT_EQ(history["entries"].size(), 2u);
  EXPECT_NE(history["entries"].items()[0]["images"].dump().find("main-2"), std::string::npos)
      << history.dump();
  const auto back = fleet().qleet({"rollback", "shop", "--wait", "--timeout", "1m"});
  EXPECT_EQ(back.exit, 0) << back.out << back.err;
  EXPECT_TRUE(answers("localhost", "/", "Welcome to the shop"));
  EXPECT_EQ(started(untouched), before);
}

TEST_F(Shop, KillingAgentAndPodmanDuringRolloutsEndsAsWantedAndTouchesNothingElse) {
  up(file);
  ASSERT_TRUE(answers("localhost", "/", "QleetOS shop"));
  order();
  const auto before = started(untouched);
  SteadyClient client(port(), "localhost", {});

  const long third = notify(build_shop("main-3", "A page from main-3"));
  ASSERT_TRUE(until([] { return replicas("localhost/shop/web:main-3") > 0; }));
  fleet().kill_agent(agent);
  fleet().start_agent(agent);
  ASSERT_TRUE(until([&] { return fleet().runs("shop", third); }, 60s)) << fleet().unsettled();
  EXPECT_TRUE(answers("localhost", "/", "A page from main-3"));
  EXPECT_EQ(replicas("localhost/shop/web:main-3"), 2);
  EXPECT_EQ(replicas("localhost/shop/web:main-1"), 0);

  const long fourth = notify(build_shop("main-4", "A page from main-4"));
  ASSERT_TRUE(until([] { return replicas("localhost/shop/web:main-4") > 0; }));
  const pid_t service = fleet().podman_service_pid(agent);
  ASSERT_GT(service, 0);
  ::kill(service, SIGKILL);
  ASSERT_TRUE(until([&] { return fleet().runs("shop", fourth); }, 60s)) << fleet().unsettled();
  EXPECT_TRUE(answers("localhost", "/", "A page from main-4"));
  EXPECT_TRUE(until([] { return replicas("localhost/shop/web:main-3") == 0; }));
  EXPECT_EQ(replicas("localhost/shop/web:main-4"), 2);

  const Asked asked = client.stop();
  EXPECT_TRUE(asked.failures.empty()) << asked.text();
  EXPECT_EQ(started(untouched), before);
  EXPECT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>"));
  EXPECT_EQ(fleet().unsettled(), "");
  // A restart restarts nothing.
  const auto all = started({"."});
  fleet().stop_agent(agent);
  fleet().start_agent(agent);
  ASSERT_TRUE(until([] { return fleet().get("agents", agent)["status.state"].str() == "Connected"; }, 30s));
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); }));
  EXPECT_EQ(started({"."}), all);
}

TEST_F(Shop, WithoutTheHubWhatDisappearsComesBack) {
  up(file);
  const auto before = started(untouched);
  fleet().stop_hub();
  const std::string removed = started({"redis"}).begin()->first;
  EXPECT_EQ(fleet().podman(agent, {"rm", "--force", removed}).exit, 0);
  EXPECT_TRUE(until([&] { return started({"redis"}).contains(removed); }, 30s));
  EXPECT_TRUE(answers("localhost", "/", "QleetOS shop", 40s));
  fleet().start_hub();
  EXPECT_TRUE(until([] { return fleet().unsettled().empty(); }, 30s)) << fleet().unsettled();
  const auto after = started(untouched);
  for (const auto& [name, when] : before) {
    if (name != removed) EXPECT_EQ(after.at(name), when) << name;
  }
}

TEST_F(Shop, WhatTheCartSharesStaysUntilTheCartGoesToo) {
  up(file);
  up(QLEET_TOP "/examples/cart/cart.yaml");
  ASSERT_TRUE(answers("cart.localhost", "/", "QleetOS shop"));
  const auto shared = started({"redis", "postgres-server"});
  EXPECT_EQ(shared.size(), 2u) << ::testing::PrintToString(containers());

  EXPECT_EQ(fleet().qleet({"delete", "app", "shop", "--wait", "--timeout", "40s"}).exit, 0);
  EXPECT_TRUE(until(
      [] {
        return std::ranges::none_of(leftovers(), [](const auto& name) { return name.contains("shop"); });
      },
      30s))
      << ::testing::PrintToString(leftovers());
  EXPECT_TRUE(answers("cart.localhost", "/", "QleetOS shop"));
  EXPECT_EQ(started({"redis", "postgres-server"}), shared);
  EXPECT_TRUE(until([] { return fleet().unsettled().empty(); })) << fleet().unsettled();
}

}  // namespace
}  // namespace qleet::test
