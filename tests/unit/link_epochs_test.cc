// A hub that is another than before: restored, emptied, copied, unknown.
#include "tests/unit/link_fixture.h"

namespace qleet::testing {
namespace {

TEST_F(LinkTest, AHubRestoredFromAnOlderBackupDeletesNothing) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  const auto backup = world_.backup();
  const auto revision = world_.revision();
  world_.put("eu.b", "2");
  world_.put("eu.new", "1");
  world_.run(kSoon);
  world_.restore(backup, revision);
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().epoch, "e2");
  EXPECT_EQ(machine().world.at("eu.b").hash, "hash-of-1");  // restated
  EXPECT_TRUE(machine().world.contains("eu.new"));          // kept, though nobody states it
  EXPECT_EQ(world_.session("eu").state().unclaimed, std::vector<std::string>{"eu.new"});
  EXPECT_EQ(world_.agent_object("eu").status().unclaimed(0), "eu.new");
  expect_equal();

  // Life goes on in the new epoch, deletes included.
  world_.put("eu.new", "3");
  world_.tombstone("eu.a");
  world_.run(kBeat);
  EXPECT_FALSE(machine().world.contains("eu.a"));
  EXPECT_TRUE(world_.session("eu").state().unclaimed.empty());
  expect_equal();
}

TEST_F(LinkTest, ATombstoneOfTheBackupIsKeptRunningAndReported) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  world_.stop_agent("eu");
  world_.tombstone("eu.a");
  const auto backup = world_.backup();
  const auto revision = world_.revision();
  world_.put("eu.a", "1");  // wanted again, which the restored hub does not know
  world_.start_agent("eu");
  world_.run(kSoon);
  world_.restore(backup, revision);
  world_.run(Millis(60'000));
  EXPECT_TRUE(machine().world.contains("eu.a"));
  EXPECT_EQ(world_.session("eu").state().kept, std::vector<std::string>{"eu.a"});
  // Nor does an agent that was started anew forget what it is to be asked for again.
  world_.restart_agent("eu");
  EXPECT_EQ(world_.session("eu").state().kept, std::vector<std::string>{"eu.a"});
  const auto status = world_.agent_object("eu").status();
  EXPECT_NE(status.DebugString().find("DeletesNotHonoured"), std::string::npos) << status.DebugString();
  expect_equal();

  world_.tombstone("eu.a");  // asked for again, in this epoch
  world_.run(kBeat);
  EXPECT_FALSE(machine().world.contains("eu.a"));
  EXPECT_TRUE(world_.session("eu").state().kept.empty());
  expect_equal();
}

TEST_F(LinkTest, StatusIsReportedAnewToARestoredHub) {
  world_.put("eu.a", "1");
  const auto backup = world_.backup();  // without the status
  const auto revision = world_.revision();
  world_.run(kSoon);
  world_.restore(backup, revision);
  world_.run(Millis(60'000));
  EXPECT_EQ(world_.resource("eu.a")->status().epoch(), "e2");
  expect_equal();
}

TEST_F(LinkTest, AnAgentAwayForTwoRestoresFollowsTheLineage) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  world_.stop_agent("eu");
  world_.restore(world_.backup(), world_.revision());
  world_.restore(world_.backup(), world_.revision());
  world_.start_agent("eu");
  world_.run(kSoon);
  EXPECT_EQ(machine().epoch, "e3");
  expect_equal();
}

TEST_F(LinkTest, TheSameBackupRestoredAgainIsFollowedAndDeletesNothing) {
  world_.put_all({"eu.a", "eu.b", "eu.c"}, "1");
  world_.run(kSoon);
  world_.tombstone("eu.c");
  world_.stop_agent("eu");
  const auto backup = world_.backup();
  const auto revision = world_.revision();
  const auto identity = world_.identity();
  world_.put("eu.c", "1");  // wanted again, which no backup knows
  world_.start_agent("eu");
  world_.run(kSoon);
  world_.restore(backup, revision, identity);
  world_.run(Millis(60'000));
  ASSERT_EQ(machine().epoch, "e2");
  world_.put("eu.new", "1");  // wanted in the first restored life alone
  world_.tombstone("eu.a");
  world_.run(kSoon);
  ASSERT_FALSE(machine().world.contains("eu.a"));

  world_.restore(backup, revision, identity);
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().epoch, "e3");
  EXPECT_EQ(world_.session("eu").state().refusal, "");
  EXPECT_TRUE(machine().world.contains("eu.a")) << "this life wants it";
  EXPECT_TRUE(machine().world.contains("eu.b"));
  EXPECT_TRUE(machine().world.contains("eu.c")) << "a tombstone that is the first word";
  EXPECT_TRUE(machine().world.contains("eu.new"));
  EXPECT_EQ(world_.session("eu").state().unclaimed, std::vector<std::string>{"eu.new"});
  expect_equal();

  // Nor is a restart in between forgotten.
  world_.restart_agent("eu");
  world_.restore(backup, revision, identity);
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().epoch, "e4");
  expect_equal();
  world_.tombstone("eu.b");
  world_.run(kBeat);
  EXPECT_FALSE(machine().world.contains("eu.b")) << "deletes of this life count";
}

TEST_F(LinkTest, ARestoredStoreThatWasLeftForAnotherDoesNotComeBack) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  const auto backup = world_.backup();
  const auto revision = world_.revision();
  const auto first = world_.identity();
  world_.restore(backup, revision, first);
  world_.run(Millis(60'000));
  const auto left = world_.identity();
  world_.restore(backup, revision, first);
  world_.run(Millis(60'000));
  ASSERT_EQ(machine().epoch, "e3");
  for (const auto& old : {left, first}) {
    world_.copy_back(backup, revision, old);
    world_.tombstone("eu.a");
    world_.run(Millis(120'000));
    EXPECT_EQ(machine().epoch, "e3");
    EXPECT_TRUE(machine().world.contains("eu.a"));
    EXPECT_NE(world_.session("eu").state().refusal.find("qleet-hub restore"), std::string::npos);
  }
  // What it then says helps: restored, it is followed.
  world_.restore(backup, revision, first);
  world_.run(Millis(120'000));
  EXPECT_EQ(machine().epoch, world_.epoch());
  expect_equal();
}

TEST_F(LinkTest, ASecondCopyOfAnAgentIsNoticedAndTheOneThatBeganFirstIsCutOff) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  // A cloned machine: the same state, on another one.
  SimAgent clone(world_.clock);
  clone.epoch = machine().epoch;
  clone.position = machine().position;
  clone.held = machine().held;
  clone.world = machine().world;
  auto copy = std::make_unique<AgentProcess>("eu", clone, world_.broker, world_.clock, 7, "boot-copy");
  const auto both = [&](Millis time) {
    for (const MonoTime end = world_.clock.mono() + time; world_.clock.mono() < end;) {
      world_.run(Millis(100));
      if (copy) copy->session.step();
    }
  };
  both(Millis(60'000));
  EXPECT_FALSE(copy->session.superseded());
  EXPECT_TRUE(world_.session("eu").superseded());
  const auto status = world_.agent_object("eu").status();
  EXPECT_NE(status.DebugString().find("CopiesRunning"), std::string::npos) << status.DebugString();
  EXPECT_EQ(status.boot_id(), "boot-copy");
  EXPECT_EQ(world_.hub().boots.agents_with_copies(world_.clock.mono()), 1U);
  // It acts on nothing any more.
  world_.put("eu.b", "1");
  both(Millis(20'000));
  EXPECT_TRUE(clone.held.contains("eu.b"));
  EXPECT_FALSE(machine().held.contains("eu.b"));
  // A hub that starts anew does not take the one that is cut off for a new one.
  world_.restart_hub();
  both(Millis(130'000));
  EXPECT_FALSE(copy->session.superseded());
  EXPECT_TRUE(world_.session("eu").superseded());
  // The other one ends: it goes on.
  copy.reset();
  world_.run(Millis(200'000));
  EXPECT_FALSE(world_.session("eu").superseded());
  EXPECT_TRUE(machine().held.contains("eu.b"));
  const auto after = world_.agent_object("eu").status();
  EXPECT_NE(after.DebugString().find("OneRunning"), std::string::npos) << after.DebugString();
}

TEST_F(LinkTest, ARestartOfAnAgentIsNoCopy) {
  world_.put("eu.a", "1");
  for (int i = 0; i < 5; ++i) {
    world_.run(Millis(3'000));
    world_.restart_agent("eu");
  }
  world_.run(Millis(60'000));
  EXPECT_FALSE(world_.session("eu").superseded());
  EXPECT_EQ(world_.agent_object("eu").status().DebugString().find("Unique"), std::string::npos);
  expect_equal();
}

TEST_F(LinkTest, AnUnknownHubIsRefusedAndEverythingRunsOn) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.impostor();
  world_.put("eu.x", "1");
  world_.run(Millis(300'000));
  EXPECT_EQ(machine().epoch, "e1");
  EXPECT_EQ(machine().world.size(), 2U);
  EXPECT_FALSE(machine().held.contains("eu.x"));
  EXPECT_NE(world_.session("eu").state().refusal.find("another"), std::string::npos);
  const auto status = world_.agent_object("eu").status();
  EXPECT_NE(status.DebugString().find("EpochRefused"), std::string::npos) << status.DebugString();
  world_.bring_back();
  world_.run(Millis(120'000));
  EXPECT_EQ(world_.session("eu").state().refusal, "");
  expect_equal();
}

TEST_F(LinkTest, AnAncestorThatComesBackIsRefused) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  machine().epoch = "e2";  // entered a restored store, which is away again
  machine().held["eu.a"].epoch = "e2";
  world_.restart_agent("eu");
  world_.tombstone("eu.a");
  world_.run(Millis(120'000));
  EXPECT_TRUE(machine().world.contains("eu.a"));
  EXPECT_EQ(machine().epoch, "e2");
}

TEST_F(LinkTest, AnEmptyHubOfTheSameEpochDeletesNothing) {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("eu.r" + std::to_string(i));
  world_.put_all(names, "1");
  world_.run(kSoon);
  for (const auto& name : names) world_.lose(name);
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().world.size(), 30U);
  EXPECT_EQ(world_.session("eu").state().unclaimed.size(), 30U);
  expect_equal();
  const auto pokes = world_.hub().fleet.counters().pokes;
  world_.run(Millis(600'000));
  EXPECT_EQ(world_.hub().fleet.counters().pokes, pokes);  // agreed: no more syncs
  // Claimed again.
  world_.put("eu.r1", "1");
  world_.run(kSoon);
  EXPECT_EQ(world_.session("eu").state().unclaimed.size(), 29U);
}

TEST_F(LinkTest, AStoreThatWasCopiedBackUnderItsOldEpochIsFollowedButDeletesNothing) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.put_all({"eu.a", "eu.b"}, "2");
  world_.run(kSoon);
  // The hub lost the last writes: lower generations in the same epoch.
  world_.lose("eu.a");
  world_.lose("eu.b");
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().world.at("eu.a").hash, "hash-of-1");
  expect_equal();
}

}  // namespace
}  // namespace qleet::testing
