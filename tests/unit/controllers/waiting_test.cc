// Whoever waits for what was just asked for is never told how it went with what was asked for before.
#include <gtest/gtest.h>

#include "tests/unit/controllers/shop.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

v1::TreeEnvironment told(World& world) { return frontend::tree(world.context(), "shop")->environments(0); }
std::string place(World& world) { return frontend::tree(world.context(), "shop")->places(0).state(); }
bool seen(World& world) { return told(world).observed_generation() == told(world).generation(); }

TEST(Waiting, ARepairedApplicationIsNotToldTheStateOfTheBrokenOne) {
  World world;
  world.join("lab");
  world.broken["workload.web"] = {"InvalidTemplate", "files: a colon"};
  world.apply(shop("[]"));
  world.settle();
  ASSERT_EQ(place(world), "Stalled");
  ASSERT_TRUE(seen(world));
  world.apply(shop("[]", "{REPAIRED: \"1\"}"));
  EXPECT_FALSE(seen(world));
  EXPECT_EQ(place(world), "RollingOut");
  EXPECT_EQ(told(world).release(), 2u);
  world.broken.clear();
  world.settle();
  EXPECT_TRUE(seen(world));
  EXPECT_EQ(place(world), "Ready");
}

// The release stays the same: what it is made of changes.
TEST(Waiting, AnEnvironmentThatChangedHasYetToBeLookedAt) {
  World world;
  world.join("lab", {{"tier", "dev"}});
  world.apply(kEnvironments);
  world.apply(shop("[dev]"));
  world.settle();
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {regions: {selector: "
      "tier=dev}, "
      "variables: {A: b}}}");
  EXPECT_FALSE(seen(world));
  EXPECT_EQ(place(world), "RollingOut");
  world.settle();
  EXPECT_TRUE(seen(world));
}

TEST(Waiting, ARollbackHasYetToBeLookedAt) {
  World world;
  world.join("lab");
  world.apply(shop("[]"));
  world.settle();
  world.apply(shop("[]", "{A: \"1\"}"));
  world.settle();
  ASSERT_EQ(world.state("shop.default"), "Ready 2");
  v1::RollbackRequest back;
  back.set_application("shop");
  const auto answers = frontend::rollback(world.context(), world.caller, back);
  ASSERT_TRUE(answers);
  EXPECT_FALSE(seen(world));
  EXPECT_EQ(told(world).release(), answers->releases(0).release());
  world.settle();
  EXPECT_TRUE(seen(world));
  EXPECT_EQ(world.at<v1::Deployment>("shop.default").status().observed_generation(),
            told(world).generation());
}

}  // namespace
}  // namespace qleet::hub::tests
