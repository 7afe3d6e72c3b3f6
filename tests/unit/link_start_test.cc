// A hub that starts knows no region: what happens between its start and an agent's first word is told like
// everything else.
#include <gtest/gtest.h>

#include "tests/support/link_world.h"

namespace qleet::testing {
namespace {

constexpr Millis kSoon{500};
constexpr Millis kBeat{16'000};  // a heartbeat, a poke and a sync

class LinkStartTest : public ::testing::Test {
 protected:
  LinkStartTest() {
    for (const char* name : {"eu", "us"}) {
      world_.enrol(name);
      world_.start_agent(name);
    }
    world_.put_all({"eu.a", "eu.b", "us.a"}, "1");
    world_.run(kSoon);
  }
  void lose(const std::string& prefix) {
    world_.broker.set_fate([prefix](auto, auto, const Message& message) {
      return MemoryBroker::Fate{.copies = message.subject.starts_with(prefix) ? 0 : 1};
    });
  }
  // As if its last changes lay long back.
  void start_without_pokes() {
    world_.stop_hub();
    lose("poke.");
    world_.start_hub();
    world_.run(Millis(10));
    world_.broker.set_fate({});
  }
  size_t known() { return world_.hub().dispatch.index().regions(); }
  std::uint64_t syncs() { return world_.hub().dispatch.counters().syncs; }

  LinkWorld world_;
};

TEST_F(LinkStartTest, AStartReadsNoRegion) {
  world_.stop_agent("us");
  start_without_pokes();
  EXPECT_EQ(known(), 0U);
  world_.put("nobody.a", "1");
  world_.run(Millis(10));
  EXPECT_EQ(known(), 0U);
  // Only that of the agent that speaks.
  world_.run(kBeat);
  EXPECT_EQ(known(), 1U);
  EXPECT_TRUE(world_.hub().dispatch.index().region("eu"));
}

TEST_F(LinkStartTest, TheFirstChangeArrivesWithoutASync) {
  start_without_pokes();
  world_.put("eu.b", "2");
  EXPECT_TRUE(world_.run_until([&] { return world_.difference("eu").empty(); }, Millis(50)));
  EXPECT_EQ(syncs(), 0U);
  EXPECT_EQ(world_.hub().dispatch.counters().deltas, 1U);
  EXPECT_EQ(known(), 1U);
}

TEST_F(LinkStartTest, ChangesBeforeTheFirstStepArriveToo) {
  world_.stop_hub();
  lose("poke.");
  world_.start_hub();
  world_.put("eu.c", "1");
  world_.put("eu.b", "2");
  world_.tombstone("eu.a");
  world_.put("eu.c", "2");
  world_.run(kSoon);
  EXPECT_EQ(world_.difference("eu"), "");
  EXPECT_FALSE(world_.resource("eu.a"));
  EXPECT_EQ(syncs(), 0U);
}

TEST_F(LinkStartTest, AReportMakesItsRegionKnown) {
  start_without_pokes();
  world_.machines.at("eu")->touch("eu.a");
  world_.run(kSoon);
  EXPECT_EQ(world_.resource("eu.a")->status().state(), "Degraded");
  EXPECT_TRUE(world_.hub().dispatch.index().region("eu"));
  EXPECT_EQ(world_.hub().dispatch.counters().deltas, 0U);
}

TEST_F(LinkStartTest, AnAgentThatIsThereAsBeforeIsNoNews) {
  world_.run(kBeat);
  const auto revision = world_.revision();
  start_without_pokes();
  for (const char* name : {"eu", "us"}) {
    world_.broker.set_connected(name, false);
    world_.broker.set_connected(name, true);
  }
  world_.run(kBeat);
  EXPECT_EQ(world_.revision(), revision);
}

TEST_F(LinkStartTest, WhatWasLostBeforeItHealsWithTheFirstBeat) {
  lose("desired.");
  world_.put("eu.b", "2");
  world_.run(Millis(10));
  start_without_pokes();
  EXPECT_NE(world_.difference("eu"), "");
  EXPECT_TRUE(world_.run_until([&] { return world_.difference("eu").empty(); }, kBeat));
  EXPECT_EQ(world_.hub().fleet.counters().pokes, 1U);
}

}  // namespace
}  // namespace qleet::testing
