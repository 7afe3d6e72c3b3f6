// Waiting for what was asked for, and what becomes of a release that never gets there: through the real
// binaries.
#include <fstream>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

// What an application may ask for to be on its way for ever, or to be refused.
const std::string kTrouble = R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: trouble}
spec:
  satisfies: {type: trouble}
  scope: application
  provider: noop
  parameters: {delay: {type: integer, default: 0}, invalid: {type: string, default: ""}}
  template: {delayMs: "${params.delay}", invalid: "${params.invalid}"}
  whenUnused: {after: 0s, do: delete}
  default: true
)";

std::string app(const std::string& params, const std::string& variable = "1") {
  return R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "a/b@sha256:)" +
         std::string(64, 'a') + R"(", variables: {V: ")" + variable + R"("}}}
        resources: {it: {type: trouble, params: )" +
         params + "}}\n";
}

std::string environment(const std::string& rollout) {
  return "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: default}\n"
         "spec: {builds: {by: auto}, unusedAfter: 1s, rollout: " +
         rollout + "}\n";
}

class Rollouts : public NoopFleet {
 protected:
  Rollouts() {
    fleet.add_agent({.name = "local-1"});
    fleet.apply(kTrouble);
  }
  Ran wait_for(const std::string& document, const std::string& timeout = "60s") {
    return fleet.qleet({"apply", "-", "--wait", "--timeout", timeout}, document);
  }
};

TEST_F(Rollouts, ARepairedApplicationIsNotReportedAsTheBrokenOne) {
  for (int turn = 0; turn < 5; ++turn) {
    const auto variable = std::to_string(turn);
    const auto broken = wait_for(app("{invalid: \"a colon\"}", variable));
    ASSERT_EQ(broken.exit, 1) << broken.out << broken.err;
    EXPECT_NE(broken.err.find("a colon"), std::string::npos) << broken.err;
    const auto repaired = wait_for(app("{}", variable));
    ASSERT_EQ(repaired.exit, 0) << "turn " << turn << "\n" << repaired.out << repaired.err;
    EXPECT_EQ(fleet.deployment_state("shop.default"), "Ready");
  }
}

TEST_F(Rollouts, WhatNeverBecomesReadyIsGoneBackFrom) {
  fleet.apply(environment("{deadline: 3s}"));
  ASSERT_EQ(wait_for(app("{}")).exit, 0);
  const auto failed = wait_for(app("{delay: 3600000}"));
  EXPECT_EQ(failed.exit, 1) << failed.out << failed.err;
  ASSERT_TRUE(until([&] { return fleet.deployment_state("shop.default") == "Returned"; }));
  const auto deployment = fleet.get("deployments", "shop.default");
  EXPECT_EQ(deployment["spec.release"].number(), 1);
  EXPECT_EQ(deployment["spec.returnedFrom"].number(), 2);
  EXPECT_EQ(fleet.get("applications", "shop")["status.state"].str(), "Returned");
  const auto waited = fleet.qleet({"wait", "shop", "--timeout", "10s"});
  EXPECT_EQ(waited.exit, 1);
  EXPECT_NE(waited.err.find("release 1 serves; release 2: no progress for 3.0 s: region local-1: trouble"),
            std::string::npos)
      << waited.err;
  EXPECT_NE(fleet.qleet({"history", "shop"}).out.find("default (Failed, back to "), std::string::npos);
  EXPECT_NE(fleet.qleet({"events", "shop"}).out.find("ReturnedToRelease"), std::string::npos);
  // A hub that starts again leaves it there.
  fleet.kill_hub();
  fleet.start_hub();
  EXPECT_EQ(fleet.deployment_state("shop.default"), "Returned");
  ASSERT_EQ(wait_for(app("{delay: 1}")).exit, 0);
  EXPECT_EQ(fleet.get("applications", "shop")["status.state"].str(), "Ready");
}

TEST_F(Rollouts, ADeadlineIsFoundAgainByAHubThatStarts) {
  fleet.apply(environment("{deadline: 4s, onFailure: stay}"));
  fleet.apply(app("{delay: 3600000}"));
  ASSERT_TRUE(until([&] { return fleet.deployment_state("shop.default") == "RollingOut"; }));
  fleet.kill_hub();
  fleet.start_hub();
  EXPECT_TRUE(until([&] { return fleet.deployment_state("shop.default") == "Failed"; }, 30s));
  EXPECT_EQ(fleet.qleet({"wait", "shop", "--timeout", "10s"}).exit, 1);
  EXPECT_EQ(fleet.get("applications", "shop")["status.state"].str(), "Failed");
}

TEST_F(Rollouts, WithoutADeadlineItIsWaitedForUntilTheTimeout) {
  fleet.apply(environment("{deadline: \"0\"}"));
  const auto waited = wait_for(app("{delay: 3600000}"), "4s");
  EXPECT_EQ(waited.exit, 7) << waited.err;
}

TEST_F(Rollouts, AnApprovalIsJudgedByItsRelease) {
  fleet.apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: prod}\n"
      "spec: {builds: {by: approval}, unusedAfter: 1s}\n");
  auto both = app("{}");
  both.insert(both.find("  workloads:"), "  environments: [default, prod]\n");
  ASSERT_EQ(wait_for(both).exit, 0) << "prod waits for somebody";
  EXPECT_EQ(fleet.qleet({"approve", "shop", "prod", "--wait", "--timeout", "60s"}).exit, 0);
  EXPECT_EQ(fleet.deployment_state("shop.prod"), "Ready");
  const auto rolled =
      fleet.qleet({"rollback", "shop", "-e", "prod", "--to", "1", "--wait", "--timeout", "60s"});
  EXPECT_EQ(rolled.exit, 0) << rolled.err;
}

TEST_F(Rollouts, ADeletedFileIsWaitedFor) {
  ASSERT_EQ(wait_for(app("{}")).exit, 0);
  const auto file = (fleet.folder() / "shop.yaml").string();
  std::ofstream(file) << app("{}");
  const auto deleted = fleet.qleet({"delete", "-f", file, "--wait", "--timeout", "60s"});
  EXPECT_EQ(deleted.exit, 0) << deleted.err;
  EXPECT_NE(deleted.out.find("app/shop is gone"), std::string::npos) << deleted.out;
  EXPECT_TRUE(fleet.get("applications", "shop").null());
  EXPECT_TRUE(fleet.resources().empty() || empty());
}

}  // namespace
}  // namespace qleet::test
