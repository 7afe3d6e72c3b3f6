#include "hub/controllers/deadline.h"

#include <gtest/gtest.h>

namespace qleet::hub::controllers {
namespace {

using std::chrono::minutes;

const WallTime kNow{Millis(1'700'000'000'000)};

RegionPace waits(int minutes_ago, std::uint32_t reached = 1, std::uint32_t before = 1) {
  return {.name = "a",
          .waited_for = true,
          .anew = false,
          .reached = reached,
          .reached_before = before,
          .progressed = kNow - minutes(minutes_ago),
          .message = "web: exited"};
}

struct Row {
  const char* name;
  RegionPace region;
  int deadline;           // minutes; 0: none
  int heard_minutes_ago;  // -1: not known
  bool overdue;
  int due_in;          // minutes; 0: never
  int progressed_ago;  // minutes; -1: no clock runs
  std::uint32_t reached;
  bool progress;
};

class Paces : public testing::TestWithParam<Row> {};

TEST_P(Paces, AreJudged) {
  const auto& row = GetParam();
  PaceInput input{.regions = {row.region}, .deadline = {}, .heard_since = {}, .now = kNow};
  if (row.deadline > 0) input.deadline = minutes(row.deadline);
  if (row.heard_minutes_ago >= 0) input.heard_since = kNow - minutes(row.heard_minutes_ago);
  const auto pace = judge_pace(input);
  EXPECT_EQ(pace.overdue, row.overdue ? "a" : "");
  EXPECT_EQ(pace.message, row.overdue ? "web: exited" : "");
  EXPECT_EQ(pace.due, row.due_in == 0 ? std::nullopt : std::optional(kNow + minutes(row.due_in)));
  ASSERT_EQ(pace.regions.size(), 1u);
  EXPECT_EQ(pace.regions[0].progressed,
            row.progressed_ago < 0 ? std::nullopt : std::optional(kNow - minutes(row.progressed_ago)));
  EXPECT_EQ(pace.regions[0].reached, row.reached);
  EXPECT_EQ(pace.progress, row.progress);
}

RegionPace with(RegionPace region, bool waited_for, bool anew) {
  region.waited_for = waited_for;
  region.anew = anew;
  return region;
}
RegionPace without_time(RegionPace region) {
  region.progressed.reset();
  return region;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Paces,
    testing::Values(Row{"HasTime", waits(4), 10, -1, false, 6, 4, 1, false},
                    Row{"IsOverdueAtTheDeadline", waits(10), 10, -1, true, 0, 10, 1, false},
                    Row{"IsOverdueLongAfter", waits(9999), 10, -1, true, 0, 9999, 1, false},
                    Row{"NoDeadline", waits(9999), 0, -1, false, 0, 9999, 1, false},
                    Row{"CameFurther", waits(10, 3, 2), 10, -1, false, 10, 0, 3, true},
                    Row{"FellBack", waits(10, 1, 3), 10, -1, true, 0, 10, 3, false},
                    Row{"CameBackToWhereItWas", waits(10, 3, 3), 10, -1, true, 0, 10, 3, false},
                    Row{"HandedOutAnew", with(waits(10, 1, 3), true, true), 10, -1, false, 10, 0, 1, true},
                    Row{"BeginsToBeWaitedFor", without_time(waits(0)), 10, -1, false, 10, 0, 1, false},
                    Row{"IsNotWaitedFor", with(waits(10), false, false), 10, -1, false, 0, -1, 1, false},
                    Row{"BecameReady", with(waits(3, 4, 3), false, false), 10, -1, false, 0, -1, 4, true},
                    Row{"TheHubWasAway", waits(60), 10, 2, false, 8, 60, 1, false},
                    Row{"TheHubCameBackLongAgo", waits(60), 10, 30, true, 0, 60, 1, false},
                    Row{"TheHubCameBackBefore", waits(4), 10, 30, false, 6, 4, 1, false},
                    Row{"TheClockWentBack", waits(-30), 10, -1, false, 10, 0, 1, false}),
    [](const auto& info) { return info.param.name; });

TEST(Pace, TheFirstThatIsOverdueIsNamedAndTheNextDueIsTheEarliest) {
  auto b = waits(11);
  b.name = "b";
  auto c = waits(2);
  c.name = "c";
  auto d = waits(5);
  d.name = "d";
  const auto pace =
      judge_pace({.regions = {c, b, d}, .deadline = minutes(10), .heard_since = {}, .now = kNow});
  EXPECT_EQ(pace.overdue, "b");
  EXPECT_EQ(pace.due, kNow + minutes(5));
}

TEST(Deadline, IsTheEnvironmentsOrTheDefault) {
  v1::RolloutPolicy policy;
  EXPECT_EQ(deadline_of(policy), minutes(10));
  policy.set_deadline("90s");
  EXPECT_EQ(deadline_of(policy), std::chrono::seconds(90));
  policy.set_deadline("0");
  EXPECT_EQ(deadline_of(policy), std::nullopt);
  policy.set_deadline("0s");
  EXPECT_EQ(deadline_of(policy), std::nullopt);
}

TEST(ReturnTo, TheLastGoodOneWhereTheEnvironmentSaysSo) {
  v1::RolloutPolicy policy;
  EXPECT_EQ(return_to(policy, 5, 4), 4u);
  EXPECT_EQ(return_to(policy, 5, 0), 0u) << "the first one has nothing to go back to";
  EXPECT_EQ(return_to(policy, 5, 5), 0u) << "a good release is not left";
  policy.set_on_failure("rollback");
  EXPECT_EQ(return_to(policy, 5, 4), 4u);
  policy.set_on_failure("stay");
  EXPECT_EQ(return_to(policy, 5, 4), 0u);
}

}  // namespace
}  // namespace qleet::hub::controllers
