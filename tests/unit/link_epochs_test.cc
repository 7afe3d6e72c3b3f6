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
