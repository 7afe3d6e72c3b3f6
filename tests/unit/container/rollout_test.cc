// The order in which replicas are made, drained and stopped.
#include "providers/container/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace qleet::container {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ReplicaView old_one(unsigned index, bool ready = true) {
  return {.index = index, .current = false, .ready = ready};
}
ReplicaView new_one(unsigned index, bool ready = true) {
  return {.index = index, .current = true, .ready = ready};
}

struct Case {
  const char* name;
  std::vector<ReplicaView> views;
  unsigned wanted;
  std::vector<Move> moves;
  Update update = Update::kRolling;
};

class Table : public ::testing::TestWithParam<Case> {};

TEST_P(Table, Moves) {
  EXPECT_EQ(decide_moves(GetParam().views, GetParam().wanted, GetParam().update), GetParam().moves);
}

ReplicaView draining(ReplicaView view, bool settled) {
  view.draining = true;
  view.settled = settled;
  return view;
}
ReplicaView broken(ReplicaView view) {
  view.broken = true;
  view.ready = false;
  return view;
}

INSTANTIATE_TEST_SUITE_P(
    Rollout, Table,
    ::testing::Values(
        Case{"NothingThere", {}, 2, {{MoveKind::kCreate, 0}}},
        Case{"FirstOnesDoNotWaitForEachOther", {new_one(0, false)}, 2, {{MoveKind::kCreate, 1}}},
        Case{"AsWanted", {new_one(0), new_one(1)}, 2, {}},
        Case{"NewBesideOld", {old_one(0), old_one(1)}, 2, {{MoveKind::kCreate, 0}}},
        Case{"OldStaysUntilNewIsReady", {old_one(0), old_one(1), new_one(0, false)}, 2, {}},
        Case{"OneOldGoesForOneNew", {old_one(0), old_one(1), new_one(0)}, 2, {{MoveKind::kDrain, 1, 1}}},
        Case{"NextNewWhileOneDrains",
             {old_one(0), draining(old_one(1), false), new_one(0)},
             2,
             {{MoveKind::kCreate, 1}}},
        Case{"DrainedIsStopped",
             {old_one(0), draining(old_one(1), true), new_one(0)},
             2,
             {{MoveKind::kStop, 1, 1}, {MoveKind::kCreate, 1}}},
        Case{"LastOld", {old_one(0), new_one(0), new_one(1)}, 2, {{MoveKind::kDrain, 0, 0}}},
        Case{"ScaleDown", {new_one(0), new_one(1), new_one(2)}, 2, {{MoveKind::kDrain, 2, 2}}},
        Case{"ScaleUpAgainWhileDraining",
             {new_one(0), draining(new_one(1), true)},
             2,
             {{MoveKind::kKeep, 1, 1}}},
        Case{"BrokenIsMended", {new_one(0), broken(new_one(1))}, 2, {{MoveKind::kMend, 1, 1}}},
        Case{"BrokenOldIsLeft", {broken(old_one(0)), new_one(0, false)}, 1, {{MoveKind::kDrain, 0, 0}}},
        Case{"ThirdVersionAfterABadSecond",
             {old_one(0), old_one(0, false)},
             1,
             {{MoveKind::kCreate, 0}, {MoveKind::kDrain, 0, 1}}},
        Case{"FewerOfANewVersion", {old_one(0), old_one(1)}, 1, {{MoveKind::kCreate, 0}}},
        Case{"None", {new_one(0)}, 0, {{MoveKind::kDrain, 0, 0}}},
        Case{"NoneOfAnOldVersion", {old_one(0)}, 0, {{MoveKind::kDrain, 0, 0}}},
        Case{"StopFirst_Nothing", {}, 1, {{MoveKind::kCreate, 0}}, Update::kStopFirst},
        Case{"StopFirst_AsWanted", {new_one(0)}, 1, {}, Update::kStopFirst},
        Case{"StopFirst_OldGoesFirst", {old_one(0)}, 1, {{MoveKind::kDrain, 0, 0}}, Update::kStopFirst},
        Case{"StopFirst_AllOldGo",
             {old_one(0), old_one(1, false)},
             1,
             {{MoveKind::kDrain, 0, 0}, {MoveKind::kDrain, 1, 1}},
             Update::kStopFirst},
        Case{"StopFirst_NothingBesideADrainingOne", {draining(old_one(0), false)}, 1, {}, Update::kStopFirst},
        Case{"StopFirst_DrainedIsStopped",
             {draining(old_one(0), true)},
             1,
             {{MoveKind::kStop, 0, 0}},
             Update::kStopFirst},
        Case{"StopFirst_NothingBesideAStoppingOne",
             {{.index = 0, .stopping = true}},
             1,
             {},
             Update::kStopFirst},
        Case{"StopFirst_WhatWasBegunRollingWaits",
             {old_one(0), broken(new_one(0))},
             1,
             {{MoveKind::kDrain, 0, 0}},
             Update::kStopFirst},
        Case{"StopFirst_BrokenIsMended",
             {broken(new_one(0))},
             1,
             {{MoveKind::kMend, 0, 0}},
             Update::kStopFirst},
        Case{"StopFirst_RolledBackInTheMiddle",
             {draining(new_one(0), true)},
             1,
             {{MoveKind::kKeep, 0, 0}},
             Update::kStopFirst},
        Case{"StopFirst_NoneWanted", {old_one(0)}, 0, {{MoveKind::kDrain, 0, 0}}, Update::kStopFirst}),
    [](const auto& param) { return param.param.name; });

// Whatever becomes ready or dies in between, there are never fewer ready ones than wanted (if there were
// enough to begin with, and none died), and it comes to an end.
// Also one that is not ready at this moment: what comes after it is looked for before it goes.
TEST(Rollout, TakesDownAnOldOneHoweverItIs) {
  const auto takes_down = [](const std::vector<ReplicaView>& views, Update update) {
    return takes_down_old(views, decide_moves(views, 1, update));
  };
  EXPECT_TRUE(takes_down({old_one(0)}, Update::kStopFirst));
  EXPECT_TRUE(takes_down({old_one(0, false)}, Update::kStopFirst));
  EXPECT_TRUE(takes_down({broken(old_one(0))}, Update::kStopFirst));
  EXPECT_FALSE(takes_down({draining(old_one(0), false)}, Update::kStopFirst)) << "that has begun";
  EXPECT_FALSE(takes_down({draining(old_one(0), true)}, Update::kStopFirst));
  EXPECT_FALSE(takes_down({new_one(0), new_one(1)}, Update::kStopFirst))
      << "one too many of the same version";
  EXPECT_FALSE(takes_down({}, Update::kStopFirst));
}

TEST(Rollout, KeepsEnoughReadyAndEnds) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const unsigned before = random() % 4;
    const unsigned wanted = random() % 4;
    std::vector<ReplicaView> views;
    for (unsigned i = 0; i < before; ++i) views.push_back(old_one(i));
    const auto serving = [&] {
      return static_cast<unsigned>(
          std::ranges::count_if(views, [](const ReplicaView& v) { return v.ready && !v.draining; }));
    };
    unsigned rounds = 0;
    for (; rounds < 200; ++rounds) {
      const auto moves = decide_moves(views, wanted);
      const bool settled = std::ranges::all_of(views, [](const auto& v) { return v.current && v.ready; });
      if (moves.empty() && settled && views.size() == wanted) break;
      std::vector<std::size_t> gone;
      for (const auto& move : moves) {
        if (move.kind == MoveKind::kDrain) views[move.view].draining = true;
        if (move.kind == MoveKind::kKeep) views[move.view].draining = false;
        if (move.kind == MoveKind::kStop) gone.push_back(move.view);
        if (move.kind == MoveKind::kMend) views[move.view].broken = false;
      }
      std::ranges::sort(gone, std::greater<>());
      for (const std::size_t view : gone) views.erase(views.begin() + static_cast<std::ptrdiff_t>(view));
      for (const auto& move : moves) {
        if (move.kind == MoveKind::kCreate) views.push_back(new_one(move.index, false));
      }
      ASSERT_GE(serving(), std::min(before, wanted)) << "seed " << seed << ", " << before << " to " << wanted;
      ASSERT_LE(views.size(), std::max(before, wanted) + 4U) << "seed " << seed;
      for (auto& view : views) {
        if (view.draining && random() % 2 == 0) view.settled = true;
        if (view.current && !view.ready && random() % 2 == 0) view.ready = true;
      }
    }
    EXPECT_LT(rounds, 200U) << "seed " << seed << ", " << before << " to " << wanted;
  }
}

}  // namespace
}  // namespace qleet::container
