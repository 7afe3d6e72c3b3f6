#include "hub/controllers/lifecycle.h"

#include <gtest/gtest.h>

namespace qleet::hub::controllers {
namespace {

constexpr WallTime kNow{Millis(1'000'000)};

struct Case {
  std::string name;
  bool users;
  bool deleted;
  int unused_for_ms;  // -1: in use
  std::uint64_t after_ms;
  bool stays;
  Fate fate;
  int due_in_ms = -1;
};

class Fates : public testing::TestWithParam<Case> {};

TEST_P(Fates, Decides) {
  const auto& c = GetParam();
  LifecycleInput input;
  input.has_users = c.users;
  input.deleted = c.deleted;
  if (c.unused_for_ms >= 0) input.unused_since = kNow - Millis(c.unused_for_ms);
  input.grace = Millis(c.after_ms);
  input.stays = c.stays;
  input.now = kNow;
  const auto decision = decide_lifecycle(input);
  EXPECT_EQ(decision.fate, c.fate);
  if (c.due_in_ms < 0) {
    EXPECT_FALSE(decision.due);
  } else {
    ASSERT_TRUE(decision.due);
    EXPECT_EQ(*decision.due - kNow, Millis(c.due_in_ms));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Fates,
    testing::Values(Case{"InUse", true, false, -1, 600, false, Fate::kKeep},
                    Case{"JustLostItsLastUser", false, false, -1, 600, false, Fate::kMarkUnused, 600},
                    Case{"InGrace", false, false, 200, 600, false, Fate::kKeep, 400},
                    Case{"Due", false, false, 600, 600, false, Fate::kTombstone},
                    Case{"LongDue", false, false, 6000, 600, false, Fate::kTombstone},
                    Case{"NoGrace", false, false, -1, 0, false, Fate::kTombstone},
                    Case{"StayingMarksFirst", false, false, -1, 0, true, Fate::kMarkUnused, 0},
                    Case{"StayingInGrace", false, false, 100, 600, true, Fate::kKeep, 500},
                    Case{"Retained", false, false, 600, 600, true, Fate::kRetain},
                    Case{"AskedForAgain", true, false, 100, 600, false, Fate::kRevive},
                    Case{"TombstoneAskedForAgain", true, true, -1, 600, false, Fate::kRevive},
                    Case{"TombstoneStays", false, true, 700, 600, false, Fate::kKeep},
                    Case{"ClockWentBack", false, false, 0, 600, false, Fate::kKeep, 600}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::hub::controllers
