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
  std::string policy;
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
  input.policy.set_after_ms(c.after_ms);
  input.policy.set_do_(c.policy);
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
    testing::Values(Case{"InUse", true, false, -1, 600, "delete", Fate::kKeep},
                    Case{"JustLostItsLastUser", false, false, -1, 600, "delete", Fate::kMarkUnused, 600},
                    Case{"InGrace", false, false, 200, 600, "delete", Fate::kKeep, 400},
                    Case{"Due", false, false, 600, 600, "delete", Fate::kTombstone},
                    Case{"LongDue", false, false, 6000, 600, "delete", Fate::kTombstone},
                    Case{"NoGrace", false, false, -1, 0, "delete", Fate::kTombstone},
                    Case{"RetainMarksFirst", false, false, -1, 0, "retain", Fate::kMarkUnused, 0},
                    Case{"RetainInGrace", false, false, 100, 600, "retain", Fate::kKeep, 500},
                    Case{"Retained", false, false, 600, 600, "retain", Fate::kRetain},
                    Case{"AskedForAgain", true, false, 100, 600, "delete", Fate::kRevive},
                    Case{"TombstoneAskedForAgain", true, true, -1, 600, "delete", Fate::kRevive},
                    Case{"TombstoneStays", false, true, 700, 600, "delete", Fate::kKeep},
                    Case{"ClockWentBack", false, false, 0, 600, "delete", Fate::kKeep, 600}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::hub::controllers
