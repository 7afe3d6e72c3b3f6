// What agents tell of their providers' templates, from real agents to what is said of a profile.
#include <gtest/gtest.h>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

std::string profile(const std::string& more) {
  return "apiVersion: qleet.io/v1\nkind: Profile\nmetadata: {name: mine}\nspec:\n  satisfies: {type: "
         "queue}\n" +
         more;
}

TEST(Schemas, OfAgentsAreHeldAgainstProfiles) {
  MiniFleet fleet(FleetOptions{.profiles = QLEET_TOP "/tests/e2e/profiles"});
  const auto applied = [&](const std::string& more) {
    const auto ran = fleet.qleet({"apply", "-"}, profile(more));
    EXPECT_EQ(ran.exit, 0) << ran.err;
    return ran.out + ran.err;
  };
  // Nobody has told anything.
  EXPECT_FALSE(applied("  provider: nop\n").contains("no agent has provider"));

  fleet.add_agent({.name = "lab"});
  const auto told = [&](const std::string& agent) { return fleet.get("agents", agent)["status.schemas"]; };
  ASSERT_TRUE(until([&] { return told("lab").size() == 1; })) << fleet.get("agents", "lab").dump();
  EXPECT_EQ(told("lab").items()[0]["provider"].str(), "noop");
  EXPECT_TRUE(told("lab").dump().contains("delayMs"));
  const auto unknown = applied("  provider: nop\n");
  EXPECT_TRUE(unknown.contains("no agent has provider \"nop\"; did you mean \"noop\"?")) << unknown;
  const auto good = applied("  provider: noop\n  template: {delayMs: 1}\n  outputs: {a: \"${self.any}\"}\n");
  EXPECT_FALSE(good.contains("warning")) << good;

  fleet.add_agent({.name = "host", .containers = true, .both = true});
  ASSERT_TRUE(until([&] { return told("host").size() == 3; })) << fleet.get("agents", "host").dump();
  const auto field = applied("  provider: container\n  template: {image: x, health: {http: {prt: 80}}}\n");
  EXPECT_TRUE(
      field.contains("spec.template.health.http.prt: provider \"container\" knows no such field; "
                     "did you mean \"port\"?"))
      << field;
  const auto output = applied("  provider: route\n  template: {}\n  outputs: {a: \"${self.ulr}\"}\n");
  EXPECT_TRUE(output.contains("provider \"route\" tells no \"ulr\"; did you mean \"url\"?")) << output;

  // It is asked for again by nobody: the store has it.
  fleet.stop_agent("host");
  fleet.stop_hub();
  fleet.start_hub();
  EXPECT_EQ(told("host").size(), 3u);
  EXPECT_TRUE(applied("  provider: container\n  template: {imgae: x}\n").contains("did you mean \"image\"?"));
}

}  // namespace
}  // namespace qleet::test
