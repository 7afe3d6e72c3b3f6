#include "providers/container/steady.h"

#include <gtest/gtest.h>

namespace qleet::container {
namespace {

// 2026-11-30T12:00:00Z
const WallTime kNow{Millis(1'796'040'000'000)};

TEST(Steady, IsWhatHasRunForAMoment) {
  EXPECT_FALSE(is_steady("2026-11-30T12:00:00Z", kNow));
  EXPECT_FALSE(is_steady("2026-11-30T11:59:58.500000001Z", kNow));
  EXPECT_TRUE(is_steady("2026-11-30T11:59:58Z", kNow));
  EXPECT_TRUE(is_steady("2026-11-29T12:00:00Z", kNow));
  EXPECT_FALSE(is_steady("2026-11-30T12:59:59.5+01:00", kNow)) << "in another zone";
  EXPECT_TRUE(is_steady("2026-11-30T12:00:05Z", kNow)) << "the clock went back";
  EXPECT_TRUE(is_steady("", kNow));
  EXPECT_TRUE(is_steady("yesterday", kNow));
}

}  // namespace
}  // namespace qleet::container
