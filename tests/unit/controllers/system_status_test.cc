// Whether everything is up: what counts, what does not, and the cause that is told.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/model/deployment_states.h"
#include "hub/frontend/census.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

const std::string kShop = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: dev}
spec: {regions: {selector: "tier=dev"}}
---
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: prod}
spec: {regions: {selector: "tier=prod"}, builds: {by: approval}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  environments: [dev, prod]
  workloads:
    web: {score: {containers: {web: {image: "registry.test/shop/web:1"}}}}
)";

std::string told(const google::protobuf::RepeatedPtrField<v1::SystemNote>& notes) {
  std::string out;
  for (const auto& note : notes)
    out += note.kind() + "/" + note.name() + " " + note.state() + ": " + note.message() + " | " +
           note.repair() + "\n";
  return out;
}

class SystemStatusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world.join("eu", {{"tier", "dev"}});
    world.join("us", {{"tier", "prod"}});
  }
  v1::SystemStatus status() { return frontend::system_status(world.context()).value(); }
  World world;
};

TEST_F(SystemStatusTest, WhatWaitsForAPersonIsNoProblem) {
  EXPECT_TRUE(status().well()) << told(status().problems());
  world.apply(kShop);
  world.settle();
  const auto seen = status();
  EXPECT_TRUE(seen.well()) << told(seen.problems());
  EXPECT_EQ(told(seen.waiting()),
            "Deployment/shop.prod AwaitingApproval: release 1 waits for approval | qleet approve shop prod "
            "--release "
            "1\n");
  EXPECT_EQ(seen.regions(), 2U);
  EXPECT_EQ(seen.regions_served(), 2U);
  EXPECT_EQ(seen.agents().at("Connected"), 2U);
  EXPECT_EQ(seen.applications().at("AwaitingApproval"), 1U)
      << "of both deployments, what is furthest from done";
}

TEST_F(SystemStatusTest, WhatIsBrokenIsToldDownToItsCause) {
  world.broken["shop.workload.web"] = {"ImageMissing", "no such image"};
  world.apply(kShop);
  world.settle();
  const auto seen = status();
  EXPECT_FALSE(seen.well());
  ASSERT_EQ(seen.problems_size(), 1) << told(seen.problems());
  EXPECT_EQ(seen.problems(0).name(), "shop.dev");
  EXPECT_TRUE(seen.problems(0).message().contains("no such image")) << told(seen.problems());
}

TEST_F(SystemStatusTest, ALostAgentIsAProblemOfItsOwnAndOfWhatItRuns) {
  world.apply(kShop);
  world.settle();
  world.set_agent("eu", "Lost");
  world.settle();
  const auto seen = status();
  EXPECT_FALSE(seen.well());
  const auto problems = told(seen.problems());
  EXPECT_TRUE(problems.contains("Agent/agent-eu Lost: region eu is not looked after")) << problems;
  EXPECT_TRUE(problems.contains("Deployment/shop.dev")) << problems;
  EXPECT_FALSE(problems.contains("shop.prod")) << problems;
  EXPECT_EQ(seen.regions_served(), 1U);

  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "agent-eu"));
  EXPECT_FALSE(told(status().problems()).contains("Agent/")) << "who was cut off is no trouble any more";
}

TEST_F(SystemStatusTest, CordonedAndUnservedRegionsAreWarnings) {
  world.apply("apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: asia}\nspec: {cordoned: true}\n");
  const auto seen = status();
  EXPECT_TRUE(seen.well());
  EXPECT_EQ(told(seen.warnings()),
            "Region/asia NoAgent: no agent serves it | qleet agent join-token --region asia\n"
            "Region/asia : it is cordoned: it takes nothing new | qleet uncordon asia\n");
}

TEST(States, OfSeveralTheWorstCounts) {
  EXPECT_EQ(model::worst_of("Ready", "RollingOut"), "RollingOut");
  EXPECT_EQ(model::worst_of("Failed", "Ready"), "Failed");
  EXPECT_EQ(model::worst_of("Stalled", "Blocked"), "Blocked");
  EXPECT_EQ(model::worst_of("Returned", "Failed"), "Failed");
  EXPECT_EQ(model::worst_of("", "Ready"), "Ready");
  EXPECT_EQ(model::worst_of("Ready", "SomethingNew"), "SomethingNew");
}

TEST_F(SystemStatusTest, TheCensusCountsByState) {
  world.apply(kShop);
  world.settle();
  const auto counted = frontend::census(**world.store.snapshot()).value();
  EXPECT_EQ(counted.regions, 2U);
  EXPECT_EQ(counted.waiting_for_approval, 1U);
  EXPECT_EQ(counted.waiting_for_environment, 0U);
  std::uint32_t deployments = 0;
  for (const auto& [state, count] : counted.deployments) deployments += count;
  EXPECT_EQ(deployments, 2U);
}

// What get, status and metrics say of an application is the same.
TEST_F(SystemStatusTest, WhatWentBackIsCountedAsThat) {
  world.apply(kShop);
  world.settle();
  auto deployment = world.at<v1::Deployment>("shop.dev");
  deployment.mutable_status()->set_state("Returned");
  ASSERT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
    TRY(objects::put_status(txn, deployment));
    return {};
  }));
  EXPECT_EQ(status().applications().at("Returned"), 1U) << "worse than one that waits for approval";
  const auto& known = model::deployment_states();
  for (const auto& [state, count] : frontend::census(**world.store.snapshot()).value().deployments)
    EXPECT_TRUE(std::ranges::find(known, state) != known.end()) << state << " is in no metric";
}

}  // namespace
}  // namespace qleet::hub::tests
