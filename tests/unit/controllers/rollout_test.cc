#include "hub/controllers/rollout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace qleet::hub::controllers {
namespace {

constexpr auto kProgressing = Health::kProgressing;
constexpr auto kReady = Health::kReady;
constexpr auto kStalled = Health::kStalled;

RegionNow at(std::string name, std::uint32_t release, Health health = Health::kNone) {
  return {std::move(name), true, release, health, false, ""};
}
RegionNow stale(RegionNow region) {
  region.stale = true;
  region.message = "its agent is away";
  return region;
}
RegionNow leaving(RegionNow region) {
  region.placed = false;
  return region;
}

// "a=2:RollingOut b=1:Waiting | RollingOut"; '-' after the release: to be left.
std::string shown(const Rollout& rollout) {
  std::string out;
  for (const auto& region : rollout.regions)
    out += fmt::format("{}={}{}:{} ", region.name, region.release, region.leave ? "-" : "", region.state);
  return out + "| " + rollout.state + (rollout.complete ? " complete" : "");
}

struct Case {
  std::string name;
  RolloutInput input;
  std::string expected;
};

class RollingOut : public testing::TestWithParam<Case> {};

TEST_P(RollingOut, Decides) { EXPECT_EQ(shown(roll_out(GetParam().input)), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(
    Table, RollingOut,
    testing::Values(
        Case{"NothingWantedYet", {0, 0, {at("a", 0)}}, "a=0:Waiting | "},
        Case{"FirstRelease", {1, 0, {at("a", 0), at("b", 0)}}, "a=1:RollingOut b=1:RollingOut | RollingOut"},
        Case{"OneAtATime", {1, 1, {at("a", 0), at("b", 0)}}, "a=1:RollingOut b=0:Waiting | RollingOut"},
        Case{"WaitsForTheFirst",
             {2, 1, {at("a", 2, kProgressing), at("b", 1, kReady)}},
             "a=2:RollingOut b=1:Waiting | RollingOut"},
        Case{"GoesOnWhenItIsReady",
             {2, 1, {at("a", 2, kReady), at("b", 1, kReady)}},
             "a=2:Ready b=2:RollingOut | RollingOut"},
        Case{"Complete",
             {2, 1, {at("a", 2, kReady), at("b", 2, kReady)}},
             "a=2:Ready b=2:Ready | Ready complete"},
        Case{"AStalledRegionStopsTheRest",
             {2, 1, {at("a", 2, kStalled), at("b", 1, kReady)}},
             "a=2:Stalled b=1:Waiting | Stalled"},
        Case{"StalledWithAnOlderReleaseGoesFirst",
             {2, 1, {at("a", 1, kReady), at("b", 1, kStalled)}},
             "a=1:Waiting b=2:RollingOut | RollingOut"},
        Case{"NewRegionsGoLast",
             {2, 1, {at("a", 0), at("b", 1, kReady)}},
             "a=0:Waiting b=2:RollingOut | RollingOut"},
        Case{"StaleTakesNoSlot",
             {2, 1, {stale(at("a", 2, kProgressing)), at("b", 1, kReady)}},
             "a=2:Stale b=2:RollingOut | RollingOut"},
        Case{"StaleGoesAfterTheOthers",
             {2, 1, {stale(at("a", 1, kReady)), at("b", 2, kProgressing)}},
             "a=1:Stale b=2:RollingOut | RollingOut"},
        Case{"StaleGoesWhenTheOthersAreReady",
             {2, 1, {stale(at("a", 1, kReady)), at("b", 2, kReady)}},
             "a=2:Stale b=2:Ready | RollingOut"},
        Case{"StaleIsNotReady", {2, 1, {stale(at("a", 2, kReady))}}, "a=2:Stale | RollingOut"},
        Case{"LeavesOnlyWhenTheOthersAreReady",
             {1, 0, {leaving(at("a", 1, kReady)), at("b", 1, kProgressing)}},
             "a=1:Leaving b=1:RollingOut | RollingOut"},
        Case{"Leaves",
             {1, 0, {leaving(at("a", 1, kReady)), at("b", 1, kReady)}},
             "a=1-:Leaving b=1:Ready | Ready complete"},
        Case{"NobodyStays", {1, 0, {leaving(at("a", 1, kReady))}}, "a=1:Leaving | RollingOut"}),
    [](const auto& info) { return info.param.name; });

// It made no progress for too long, in whichever state it is.
TEST(Rollout, OneThatFailedStopsTheRest) {
  RolloutInput input{2, 2, {at("a", 2, kProgressing), at("b", 1, kReady)}};
  EXPECT_EQ(shown(roll_out(input)), "a=2:RollingOut b=2:RollingOut | RollingOut");
  input.failed = "a";
  const auto stopped = roll_out(input);
  EXPECT_EQ(shown(stopped), "a=2:RollingOut b=1:Waiting | RollingOut");
  EXPECT_EQ(stopped.regions[1].message, "waits: the rollout is stopped by region a");
}

TEST(Rollout, SaysWhatItWaitsFor) {
  auto region = at("eu-1", 2, kStalled);
  region.message = "image missing";
  EXPECT_EQ(roll_out({2, 0, {region}}).message, "region eu-1: image missing");
  EXPECT_EQ(roll_out({2, 0, {region, at("us-1", 1, kReady)}}).regions[1].message,
            "waits: the rollout is stopped by region eu-1");
  EXPECT_EQ(roll_out({2, 1, {at("a", 2, kProgressing), at("b", 1)}}).regions[1].message,
            "waits for other regions to be ready");
  EXPECT_EQ(roll_out({2, 1, {stale(at("a", 2))}}).message, "region a: its agent is away");
}

}  // namespace
}  // namespace qleet::hub::controllers
