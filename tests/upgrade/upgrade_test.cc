// Hub and agent of the version before, against today's, both ways and up and down, with the real binaries:
//   QLEET_PREVIOUS_BIN=$(tests/upgrade/build-previous) build/debug/bin/upgrade_test
// Without that variable there is nothing to run against, and the tests are skipped.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

std::string previous() {
  const char* bin = std::getenv("QLEET_PREVIOUS_BIN");
  return bin ? bin : "";
}

// Its own: it may not know what stands in today's.
std::filesystem::path previous_profiles() {
  const auto profiles = std::filesystem::path(previous()) / "../../src/tests/e2e/profiles";
  return std::filesystem::exists(profiles) ? profiles : std::filesystem::path();
}

// Begins with both of the version before.
class Upgrade : public NoopFleet {
 protected:
  Upgrade() : NoopFleet({.profiles = previous_profiles(), .hub_bin = previous(), .agent_bin = previous()}) {}
  void SetUp() override {
    if (previous().empty())
      GTEST_SKIP() << "NOT TESTED: set QLEET_PREVIOUS_BIN, see tests/upgrade/build-previous";
  }
  void TearDown() override {
    if (previous().empty() || fleet.list("applications").empty()) return;
    // Hubs of before keep no data.
    if (fleet.qleet({"delete", "app", "shop", "cart", "--delete-data", "--yes"}).exit != 0)
      EXPECT_EQ(fleet.qleet({"delete", "app", "shop", "cart"}).exit, 0);
    // What the environment shares is no application's: its data goes once somebody deletes it by name.
    EXPECT_TRUE(until(
        [&] {
          bool rests = true;
          for (const auto& resource : fleet.list("resources")) {
            const auto state = resource["status.state"].str();
            if (state == "Retained")
              fleet.qleet({"delete", "resource", resource["metadata.name"].str(), "--yes"});
            rests = false;
          }
          return rests;
        },
        60s));
    EXPECT_TRUE(empty());
  }
  void hub_to(const std::string& bin) {
    fleet.stop_hub();
    fleet.use_hub(bin);
    fleet.start_hub();
    EXPECT_TRUE(
        until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Connected"; }, 40s));
  }
  static std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void agent_to(const std::string& bin) {
    fleet.stop_agent("local-1");
    fleet.use_agent(bin);
    fleet.start_agent("local-1");
  }
  // Everything is as it was, and nothing was made or changed again.
  void expect_same(const std::map<std::string, Made>& before) {
    ASSERT_TRUE(settled()) << fleet.unsettled();
    const auto now = world();
    EXPECT_EQ(now.size(), before.size());
    for (const auto& [name, made] : before) {
      ASSERT_TRUE(now.contains(name)) << name;
      EXPECT_EQ(now.at(name).changes, made.changes) << name;
    }
  }
  // A change, a new application and a delete reach the world.
  void expect_it_works(const std::string& mark) {
    fleet.apply(shop(mark));
    fleet.apply(cart());
    ASSERT_TRUE(settled()) << fleet.unsettled();
    EXPECT_EQ(fleet.qleet({"delete", "app", "cart"}).exit, 0);
    ASSERT_TRUE(until([&] { return !world().contains("local-1.default.cart.workload.api"); }, 30s));
    fleet.apply(cart());
    ASSERT_TRUE(settled()) << fleet.unsettled();
  }
};

TEST_F(Upgrade, HubFirstThenAgentAndBackAgain) {
  fleet.add_agent({.name = "local-1"});
  expect_it_works("both-old");
  const auto before = world();

  hub_to(QLEET_BIN);
  expect_same(before);
  expect_it_works("new-hub-old-agent");
  const auto middle = world();

  agent_to(QLEET_BIN);
  expect_same(middle);
  expect_it_works("both-new");
  // Its certificate came over the API, and nobody is without one now.
  EXPECT_TRUE(std::filesystem::exists(fleet.agent_state("local-1") / "identity/tls.crt"));
  EXPECT_TRUE(
      until([&] { return std::filesystem::exists(fleet.hub_state() / "broker/client-certificates"); }, 90s));
  const auto after = world();

  // The store has a newer format: the version before refuses it and changes nothing; its way back is a
  // backup.
  fleet.stop_hub();
  fleet.use_hub(previous());
  fleet.launch_hub();
  EXPECT_TRUE(until([&] { return !fleet.hub_runs(); }, 30s));
  EXPECT_NE(text_of(fleet.folder() / "hub.log").find("has format 2, this hub reads format 1"),
            std::string::npos);
  hub_to(QLEET_BIN);
  expect_same(after);
  // The journal's format is the same, so an agent may go back, where the hub takes those without a
  // certificate.
  fleet.use_hub_arguments({"--nats-client-certificates", "optional"});
  hub_to(QLEET_BIN);
  agent_to(previous());
  expect_same(after);
  expect_it_works("new-hub-old-agent-again");
}

// Hubs are upgraded first (docs/operations/upgrade.md). Who enrols an agent that is newer is told so, with
// nothing half made: in the same place it enrols once the hub is of its version.
TEST_F(Upgrade, AnOldHubSaysThatItIsToBeUpgradedBeforeANewAgentEnrols) {
  fleet.use_agent(QLEET_BIN);
  std::string said;
  try {
    fleet.enrol({.name = "local-1"});
  } catch (const std::exception& error) {
    said = error.what();
  }
  EXPECT_NE(said.find("is older than this agent"), std::string::npos) << said;
  EXPECT_NE(said.find("upgrade the hub first, or enrol with an agent of its version"), std::string::npos)
      << said;
  EXPECT_TRUE(fleet.list("agents").empty());
  fleet.stop_hub();
  fleet.use_hub(QLEET_BIN);
  fleet.start_hub();
  fleet.add_agent({.name = "local-1"});
  expect_it_works("both-new");
}

// A new hub with no agents yet takes none without a certificate, unless it is told to.
TEST_F(Upgrade, AnOldAgentEnrolsWithANewHubThatIsToldToTakeIt) {
  fleet.stop_hub();
  fleet.use_hub(QLEET_BIN);
  fleet.use_hub_arguments({"--nats-client-certificates", "optional"});
  fleet.start_hub();
  fleet.add_agent({.name = "local-1"});
  expect_it_works("new-hub-old-agent");

  // What the hub alone works out is there with old agents as well. What they do not know stalls and says so,
  // and what runs goes on; an upgraded one has it by itself.
  fleet.apply(R"(apiVersion: qleet.io/v1
kind: Environment
metadata: {name: default}
spec: {builds: {by: auto}, unusedAfter: 1s, variables: {LEVEL: info}, rollout: {deadline: "0"}}
)");
  fleet.apply(R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: cart}
spec:
  workloads:
    api:
      score:
        containers:
          api:
            image: registry.test/cart/api:1
            variables: {REDIS: "${resources.cache.host}", FRONT: "${resources.front.url}", LEVEL: "${resources.env.LEVEL}"}
        resources:
          cache: {type: redis, id: sessions}
          front: {type: service}
          env: {type: environment}
    front:
      score:
        containers: {front: {image: "registry.test/cart/front:1"}}
        service: {ports: {http: {port: 80}}}
)");
  ASSERT_TRUE(settled()) << fleet.unsettled();
  const auto before = world();
  ASSERT_EQ(fleet.qleet({"secret", "set", "stripe", "key=-"}, "s3cret").exit, 0);
  fleet.apply(R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web:
      score:
        containers:
          web: {image: "registry.test/shop/web:main-1", variables: {KEY: "${resources.stripe.key}"}}
        resources:
          stripe: {type: secret, id: stripe}
)");
  const std::string secret = "local-1.default.shop.secret.stripe";
  ASSERT_TRUE(until([&] { return fleet.state_of(secret) == "Stalled"; }, 30s)) << fleet.unsettled();
  const auto explained = fleet.qleet({"describe", "app", "shop"});
  EXPECT_NE(explained.out.find("upgrade"), std::string::npos) << explained.out;
  // The workload that ran waits for it.
  const std::string web = "local-1.default.shop.workload.web";
  ASSERT_TRUE(world().contains(web));
  EXPECT_EQ(world().at(web).changes, before.at(web).changes);
  agent_to(QLEET_BIN);
  EXPECT_TRUE(until([&] { return fleet.deployment_state("shop.default") == "Ready"; }, 60s))
      << fleet.unsettled();
}

}  // namespace
}  // namespace qleet::test
