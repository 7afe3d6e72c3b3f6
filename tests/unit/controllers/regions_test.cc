// Regions that come, go, are away or stall, and what reaches them in turn.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/shop.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using std::chrono::minutes;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Flow, RegionsComeAndGo) {
  World world;
  world.apply(kEnvironments);
  const auto applied = world.apply(shop("[dev]"));
  ASSERT_EQ(applied.warnings_size(), 1);
  EXPECT_THAT(applied.warnings(0), HasSubstr("there are no regions yet"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Blocked 0");
  const auto description = frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(description->summary(),
            "shop is not ready in dev: environment dev has no region to run in: there are no regions yet; "
            "add one with "
            "qleet agent join-token --region <name>");
  world.join("a", {{"tier", "dev"}});
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  world.join("b", {{"tier", "dev"}});
  world.settle();
  EXPECT_THAT(world.resources(), Contains("b.dev.shop.workload.web"));
  EXPECT_THAT(world.erase("region", "a"), HasSubstr("region a is in use by shop.dev"));

  // Out of the selector: it leaves; nothing else changes.
  world.apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: a, labels: {tier: none}}}");
  for (int i = 0; i < 5; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Not(Contains(HasSubstr("a.dev.shop.postgres"))));
  // Its data stays there.
  EXPECT_THAT(world.resources(), Contains("a.dev.shop.volume.postgres.web.db.data"));
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");

  // A selector that matches nothing leaves what runs alone.
  world.apply(
      R"({apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {regions: {selector: "tier=dve"}}})");
  for (int i = 0; i < 3; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Contains("b.dev.shop.workload.web"));
  EXPECT_EQ(world.state("shop.dev"), "Blocked 1");
}

TEST(Flow, AnAgentThatIsAwayMakesItsRegionStaleAndHoldsNobodyUp) {
  World world;
  world.join("a");
  world.join("b");
  world.apply(shop("[]"));
  world.settle();
  world.set_agent("a", "Lost");
  world.silent = {"a"};
  world.settle();
  auto deployment = *world.get<v1::Deployment>("shop.default");
  EXPECT_EQ(deployment.status().state(), "RollingOut");
  EXPECT_EQ(deployment.status().regions(0).state(), "Stale");
  EXPECT_FALSE(deployment.status().has_healthy_since());
  EXPECT_THAT(frontend::describe(world.context(), *model::find_kind("app"), "shop")->summary(),
              HasSubstr("shop is not ready in default: region a is stale: its agent agent-a is away since "));
  world.apply(shop("[]", "{NEW: value}"));
  world.settle();
  deployment = *world.get<v1::Deployment>("shop.default");
  EXPECT_EQ(deployment.status().regions(1).state(), "Ready");
  EXPECT_EQ(deployment.status().regions(1).release(), 2u);
  EXPECT_EQ(deployment.status().regions(0).release(), 2u);
  world.silent.clear();
  world.set_agent("a", "Connected");
  world.apply(shop("[]", "{NEW: other}"));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
}

TEST(Flow, AStalledRegionStopsTheRolloutAndSaysWhy) {
  World world;
  world.join("a", {{"tier", "dev"}});
  world.join("b", {{"tier", "dev"}});
  world.apply(kEnvironments);
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {guardrails: "
      "{maxRegionsAtOnce: 1}, "
      "regions: {selector: tier=dev}}}");
  world.apply(shop("[dev]"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  world.broken["a.dev.shop.workload.web"] = {"ImageMissing", "its image reg.example/shop/web was not found"};
  world.apply(shop("[dev]", "{NEW: value}"));
  world.settle();
  const auto deployment = *world.get<v1::Deployment>("shop.dev");
  EXPECT_EQ(deployment.status().state(), "Stalled");
  EXPECT_EQ(deployment.status().regions(1).release(), 1u);
  EXPECT_EQ(deployment.status().regions(1).message(), "waits: the rollout is stopped by region a");
  const auto description = frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(description->summary(),
            "shop is not ready in dev: web in a: its image reg.example/shop/web was not found");
  EXPECT_EQ(description->repair(),
            "push the image (or build it on the host), or name another one in the application.");
  world.broken.clear();
  world.apply(shop("[dev]", "{NEW: repaired}"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 3");
}

// An application in regions a and b whose workload's template says the variable `level` of its environment.
class LevelWorld : public World {
 public:
  LevelWorld() {
    join("a", {{"tier", "prod"}});
    join("b", {{"tier", "prod"}});
    apply(kEnvironments);
    set_level("one");
    auto profile = *get<v1::Profile>("workload-container");
    (*profile.mutable_spec()->mutable_template_()->mutable_fields())["level"].set_string_value(
        "${variables.level}");
    std::vector<model::Object> objects;
    objects.push_back(std::make_unique<v1::Profile>(profile));
    if (!frontend::apply(context(), caller, objects)) throw std::runtime_error("profile");
    apply(shop("[prod]", "{}", "{}"));
    settle();
  }

  void set_level(const std::string& value) {
    apply(fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: prod}}, spec: {{guardrails: "
        "{{maxRegionsAtOnce: 1}}, "
        "regions: {{selector: tier=prod}}, variables: {{level: {}}}}}}}",
        value));
  }

  std::string level(const std::string& region) {
    return get<v1::Resource>(region + ".prod.shop.workload.web")
        ->spec()
        .template_()
        .fields()
        .at("level")
        .string_value();
  }
};

TEST(Flow, AVariableGoesRegionByRegion) {
  LevelWorld world;
  EXPECT_EQ(world.state("shop.prod"), "Ready 1");
  world.broken["a.prod.shop.workload.web"] = {"Exited", "exited with 1"};
  world.set_level("two");
  world.settle();
  EXPECT_EQ(world.level("a"), "two");
  EXPECT_EQ(world.level("b"), "one");
  EXPECT_EQ(world.state("shop.prod"), "Stalled 1");
}

TEST(Flow, AVariableReachesARegionThatWasAwayWhenItChanged) {
  LevelWorld world;
  world.set_agent("b", "Lost");
  world.silent = {"b"};
  world.settle();
  world.set_level("two");
  world.settle();
  EXPECT_EQ(world.level("a"), "two");
  EXPECT_EQ(world.level("b"), "two") << "it was waiting for a";
  world.silent.clear();
  world.set_agent("b", "Connected");
  world.settle();
  EXPECT_EQ(world.state("shop.prod"), "Ready 1");
}

TEST(Regions, ThatAreCordonedSaySo) {
  World world;
  world.join("lab");
  const auto said = [&] {
    for (const auto& condition : world.at<v1::Region>("lab").status().conditions())
      if (condition.type() == "Schedulable") return condition.status() + " " + condition.reason();
    return std::string("nothing");
  };
  EXPECT_EQ(said(), "nothing");
  world.apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: lab}, spec: {cordoned: true}}");
  EXPECT_EQ(said(), "False Cordoned");
  world.settle();
  EXPECT_EQ(said(), "False Cordoned");
  world.apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: lab}, spec: {cordoned: false}}");
  EXPECT_EQ(said(), "True Available");
}

}  // namespace
}  // namespace qleet::hub::tests
