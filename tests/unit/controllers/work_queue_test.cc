#include "hub/controllers/work_queue.h"

#include <gtest/gtest.h>

namespace qleet::hub::controllers {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

Key key(const std::string& name) { return {Controller::kDeployment, name}; }

TEST(WorkQueue, GivesEachKeyOnceInOrder) {
  ManualClock clock;
  WorkQueue queue(clock);
  for (const auto* name : {"a", "b", "a"}) queue.add(key(name));
  EXPECT_EQ(queue.take(), key("a"));
  EXPECT_EQ(queue.take(), key("b"));
  EXPECT_EQ(queue.take(), std::nullopt);
}

TEST(WorkQueue, AKeyThatIsAddedWhileItRunsRunsOnceMoreAfterwards) {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add(key("a"));
  queue.take();
  queue.add(key("a"));
  queue.add(key("a"));
  EXPECT_EQ(queue.take(), std::nullopt);
  queue.done(key("a"), true);
  EXPECT_EQ(queue.take(), key("a"));
  queue.done(key("a"), true);
  EXPECT_EQ(queue.take(), std::nullopt);
  EXPECT_TRUE(queue.settled());
}

TEST(WorkQueue, AFailedKeyComesBackLaterAndLater) {
  ManualClock clock;
  WorkQueue queue(clock, {.first_delay = seconds(1), .last_delay = seconds(3)});
  queue.add(key("a"));
  for (const auto wait : {1, 2, 3, 3}) {
    ASSERT_EQ(queue.take(), key("a"));
    queue.done(key("a"), false);
    EXPECT_FALSE(queue.settled());
    clock.advance(seconds(wait) - Millis(1));
    EXPECT_EQ(queue.take(), std::nullopt);
    clock.advance(Millis(1));
  }
  queue.take();
  queue.done(key("a"), true);
  queue.add(key("a"));
  queue.take();
  queue.done(key("a"), false);
  clock.advance(seconds(1));
  EXPECT_EQ(queue.take(), key("a"));
}

TEST(WorkQueue, AKeyThatRestsComesBackOnce) {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add(key("a"));
  queue.take();
  queue.add(key("a"));
  queue.done(key("a"), true, seconds(2));
  queue.add(key("a"));
  EXPECT_EQ(queue.take(), std::nullopt);
  EXPECT_FALSE(queue.settled());
  ASSERT_EQ(queue.next_due(), clock.mono() + seconds(2));
  clock.advance(seconds(2));
  EXPECT_EQ(queue.take(), key("a"));
  queue.done(key("a"), true, seconds(2));
  EXPECT_TRUE(queue.settled()) << "nobody waits for it";
  clock.advance(seconds(2));
  EXPECT_EQ(queue.take(), std::nullopt);
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(WorkQueue, WhatTakesLongRunsWithFewBesideIt) {
  ManualClock clock;
  WorkQueue queue(clock, {.at_once = microseconds(10'000), .status_at_once = microseconds(3'000)});
  const auto fill = [&](Controller controller, int from, int to) {
    for (int i = from; i < to; ++i) queue.add({controller, std::to_string(i)});
  };
  const auto taken = [&] {
    std::vector<Key> keys;
    while (const auto key = queue.take()) keys.push_back(*key);
    return keys;
  };
  fill(Controller::kDeployment, 0, 50);
  auto running = taken();
  EXPECT_EQ(running.size(), 10U) << "of a millisecond each, as long as nothing is known";
  EXPECT_FALSE(queue.ready());
  EXPECT_EQ(queue.size(), 40U);
  for (const auto& key : running) queue.done(key, true, Millis(0), microseconds(100'000));
  running = taken();
  EXPECT_EQ(running.size(), 1U) << "one in any case";
  queue.done(running.front(), true, Millis(0), microseconds(10));
  while (queue.ready())
    for (const auto& key : taken()) queue.done(key, true, Millis(0), microseconds(10));
  EXPECT_EQ(queue.size(), 0U);

  // What is told leaves room for what is done.
  fill(Controller::kStatus, 0, 20);
  EXPECT_EQ(taken().size(), 3U);
  fill(Controller::kApplication, 0, 20);
  EXPECT_EQ(taken().size(), 7U);
}

TEST(WorkQueue, AMarkIsPassedWhenAllBeforeItIsDone) {
  ManualClock clock;
  WorkQueue queue(clock);
  const auto nothing = queue.mark();
  EXPECT_TRUE(queue.passed(nothing));
  queue.add(key("a"));
  queue.add(key("b"));
  const auto first = queue.mark();
  queue.take();
  queue.add(key("a"));  // after the mark
  queue.add(key("c"));
  queue.done(key("a"), true);
  EXPECT_FALSE(queue.passed(first)) << "b waits";
  EXPECT_TRUE(queue.passed(nothing));
  queue.take();
  queue.add(key("b"));
  const auto second = queue.mark();
  queue.done(key("b"), true, seconds(1));
  EXPECT_TRUE(queue.passed(first));
  EXPECT_FALSE(queue.passed(second));
  for (int i = 0; i < 2; ++i) queue.done(*queue.take(), true);
  EXPECT_FALSE(queue.passed(second)) << "b rests, and is to run again";
  clock.advance(seconds(1));
  ASSERT_EQ(queue.take(), key("b"));
  queue.done(key("b"), false);
  EXPECT_FALSE(queue.passed(second)) << "it failed";
  clock.advance(seconds(1));
  ASSERT_EQ(queue.take(), key("b"));
  queue.done(key("b"), true);
  EXPECT_TRUE(queue.passed(second));
  EXPECT_TRUE(queue.settled());
}

TEST(WorkQueue, WhatIsOnlyToldComesAfterwardsButComes) {
  ManualClock clock;
  WorkQueue queue(clock);
  for (int i = 0; i < 10; ++i) queue.add({Controller::kStatus, std::to_string(i)});
  for (int i = 0; i < 10; ++i) queue.add(key(std::to_string(i)));
  int told = 0;
  for (int i = 0; i < 8; ++i) told += queue.take()->controller == Controller::kStatus ? 1 : 0;
  EXPECT_EQ(told, 2);
}

TEST(WorkQueue, OfSeveralTimesTheEarliestCounts) {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add_at(key("a"), clock.mono() + seconds(5));
  queue.add_at(key("a"), clock.mono() + seconds(2));
  queue.add_at(key("a"), clock.mono() + seconds(9));
  EXPECT_EQ(queue.next_due(), clock.mono() + seconds(2));
  clock.advance(seconds(2));
  EXPECT_EQ(queue.take(), key("a"));
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

}  // namespace
}  // namespace qleet::hub::controllers
