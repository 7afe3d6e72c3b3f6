// Hub and agent over a network that the test owns: each way to lose something, and what heals it.
#include <gtest/gtest.h>

#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"
#include "tests/support/link_world.h"

namespace qleet::testing {
namespace {

constexpr Millis kSoon{500};
constexpr Millis kBeat{16'000};  // a heartbeat, a poke and a sync

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    world_.enrol("eu");
    world_.start_agent("eu");
    world_.run(kSoon);
  }
  void expect_equal() {
    EXPECT_EQ(world_.difference("eu"), "");
    EXPECT_TRUE(world_.wrongs().empty()) << world_.wrongs().front();
  }
  // Loses the next `count` messages on subjects that begin so.
  void lose(const std::string& prefix, int count) {
    world_.broker.set_fate([prefix, left = std::make_shared<int>(count)](auto, auto, const Message& message) {
      if (!message.subject.starts_with(prefix) || *left == 0) return MemoryBroker::Fate{};
      --*left;
      return MemoryBroker::Fate{.copies = 0};
    });
  }
  SimAgent& machine() { return *world_.machines.at("eu"); }

  LinkWorld world_;
};

TEST_F(LinkTest, AChangeArrivesAndIsReportedWithoutASync) {
  const auto syncs = world_.hub().dispatch.counters().syncs;
  world_.put("eu.dev.shop.volume.data", "1");
  EXPECT_TRUE(world_.run_until([&] { return world_.difference("eu").empty(); }, Millis(50)));
  expect_equal();
  EXPECT_EQ(world_.hub().dispatch.counters().syncs, syncs);
  EXPECT_EQ(world_.resource("eu.dev.shop.volume.data")->status().state(), "Ready");
}

TEST_F(LinkTest, ABurstBecomesFewDeltas) {
  for (int i = 0; i < 50; ++i) world_.put("eu.a." + std::to_string(i), "1");
  world_.run(kSoon);
  expect_equal();
  EXPECT_LE(world_.hub().dispatch.counters().deltas, 2U);
}

TEST_F(LinkTest, AStatusChangeIsNotSentBack) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  const auto deltas = world_.hub().dispatch.counters().deltas;
  machine().touch("eu.a");
  world_.run(kSoon);
  EXPECT_EQ(world_.resource("eu.a")->status().state(), "Degraded");
  EXPECT_EQ(world_.hub().dispatch.counters().deltas, deltas);
}

TEST_F(LinkTest, OnlyTheRegionsAgentIsAddressed) {
  world_.enrol("us");
  world_.start_agent("us");
  world_.run(kSoon);
  world_.put("us.a", "1");
  world_.run(kSoon);
  EXPECT_TRUE(machine().held.empty());
  EXPECT_EQ(world_.difference("us"), "");
}

TEST_F(LinkTest, ATombstoneIsCarriedOutAndForgotten) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.tombstone("eu.a");
  world_.run(kSoon);
  EXPECT_FALSE(world_.resource("eu.a"));
  EXPECT_FALSE(machine().held.contains("eu.a"));
  EXPECT_FALSE(machine().world.contains("eu.a"));
  expect_equal();
}

TEST_F(LinkTest, ARevivedTombstoneRuns) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  lose("status", 1);
  world_.tombstone("eu.a");
  world_.run(kSoon);
  EXPECT_FALSE(machine().world.contains("eu.a"));
  world_.put("eu.a", "1");
  world_.run(kBeat);
  EXPECT_TRUE(machine().world.contains("eu.a"));
  expect_equal();
}

TEST_F(LinkTest, MadeAgainUnderTheSameNameAfterItsConfirmationWasLost) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  lose("ack", 1);
  world_.tombstone("eu.a");
  world_.run(Millis(100));
  ASSERT_FALSE(world_.resource("eu.a"));
  world_.put("eu.a", "2");  // generation 1 again
  world_.run(kBeat);
  EXPECT_EQ(machine().world.at("eu.a").hash, "hash-of-2");
  expect_equal();
}

TEST_F(LinkTest, ALostDeltaIsHealedByTheNextOne) {
  lose("desired", 1);
  world_.put("eu.a", "1");
  world_.run(Millis(100));
  EXPECT_FALSE(machine().held.contains("eu.a"));
  world_.put("eu.b", "1");
  world_.run(kSoon);
  expect_equal();
}

TEST_F(LinkTest, ALostDeltaIsHealedByTheHeartbeat) {
  lose("desired", 1);
  world_.put("eu.a", "1");
  EXPECT_TRUE(world_.run_until([&] { return world_.difference("eu").empty(); }, kBeat));
  expect_equal();
  EXPECT_EQ(world_.hub().fleet.counters().pokes, 1U);
}

TEST_F(LinkTest, AnOlderGenerationUnderTheSameHighestOneIsSeen) {
  // Digests cover content: the highest generation alone would be equal on both sides here.
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.put("eu.b", "2");
  world_.run(kSoon);
  machine().held["eu.a"].resource.set_hash("another");
  world_.restart_agent("eu");
  world_.run(kSoon);
  expect_equal();
}

TEST_F(LinkTest, DuplicatedAndDelayedDeltasDoNoHarm) {
  world_.broker.set_fate([n = 0](auto, auto, const Message& message) mutable {
    if (!message.subject.starts_with("desired")) return MemoryBroker::Fate{};
    return MemoryBroker::Fate{.copies = 2, .delay = Millis(++n % 2 ? 40 : 0)};
  });
  for (int i = 0; i < 10; ++i) {
    world_.put("eu.a", std::to_string(i));
    world_.run(Millis(10));
  }
  world_.run(kBeat);
  expect_equal();
}

TEST_F(LinkTest, ALostBatchIsAskedForAgain) {
  world_.stop_agent("eu");
  for (int i = 0; i < 20; ++i) world_.put("eu.a" + std::to_string(i), "1");
  lose("_INBOX", 1);
  world_.start_agent("eu");
  world_.run(Millis(10'000));
  expect_equal();
}

TEST_F(LinkTest, AnAgentThatWasAwayForApplyBuildAndDelete) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.stop_agent("eu");
  world_.put("eu.c", "1");
  world_.put("eu.a", "2");
  world_.tombstone("eu.b");
  world_.run(Millis(100'000));
  world_.start_agent("eu");
  world_.run(kSoon);
  EXPECT_FALSE(world_.resource("eu.b"));
  expect_equal();
}

TEST_F(LinkTest, AnAgentKeepsEverythingWhileItsHubIsAway) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.stop_hub();
  world_.run(Millis(3'600'000));
  EXPECT_EQ(machine().world.size(), 2U);
  world_.put("eu.c", "1");
  world_.start_hub();
  world_.run(Millis(120'000));
  expect_equal();
}

// However long it has waited between its tries by then.
TEST_F(LinkTest, AnAgentThatFoundNoHubIsInSyncSoonAfterItsReturn) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  for (int round = 0; round < 5; ++round) {
    world_.stop_hub();
    world_.restart_agent("eu");
    world_.run(Millis(600'000 + 7'000 * round));
    world_.put("eu.b", std::to_string(round));
    world_.start_hub();
    world_.run(kSoon);
    expect_equal();
  }
}

TEST_F(LinkTest, CommittedButNotPublishedIsHealedSoonAfterTheHubsRestart) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  world_.put("eu.b", "1");
  world_.restart_hub();
  world_.run(kSoon);
  expect_equal();
}

TEST_F(LinkTest, FirstDeltaAfterAHubsRestartThatFollowsAnErasedOne) {
  // The newest position of the region belonged to a resource that is gone.
  world_.put("eu.a", "1");
  world_.put("eu.b", "1");
  world_.run(kSoon);
  world_.tombstone("eu.b");
  world_.run(kSoon);
  world_.restart_hub();
  world_.put("eu.c", "1");
  world_.run(kSoon);
  expect_equal();
}

TEST_F(LinkTest, StatusIsSentAgainUntilItIsConfirmed) {
  lose("ack", 1);
  world_.put("eu.a", "1");
  world_.run(Millis(100));
  EXPECT_FALSE(machine().reports_confirmed());
  world_.run(Millis(10'000));
  EXPECT_TRUE(machine().reports_confirmed());
  lose("status", 2);
  machine().touch("eu.a");
  world_.run(Millis(20'000));
  EXPECT_EQ(world_.resource("eu.a")->status().state(), "Degraded");
  EXPECT_TRUE(machine().reports_confirmed());
}

TEST_F(LinkTest, UnconfirmedStatusSurvivesTheAgentsRestart) {
  world_.stop_hub();
  world_.put("eu.a", "1");
  world_.start_hub();
  lose("status", 1);
  world_.run(Millis(1'000));
  world_.stop_agent("eu");
  world_.broker.set_fate({});
  world_.start_agent("eu");
  world_.run(kSoon);
  expect_equal();
}

TEST_F(LinkTest, AnEventIsStoredOnceHoweverOftenItComes) {
  world_.put("eu.a", "1");
  lose("ack", 2);
  machine().add_event("1-7", "eu.a", "hello");
  world_.run(Millis(20'000));
  EXPECT_TRUE(machine().reports_confirmed());
  EXPECT_EQ(world_.hub().fleet.counters().events_written, 1U);
}

// --- epochs ------------------------------------------------------------------------------------------------

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

// --- who may speak
// -------------------------------------------------------------------------------------------

TEST_F(LinkTest, ARevokedAgentIsNotListenedTo) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  world_.revoke("eu");
  world_.run(Millis(2'000));
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Revoked");
  world_.put("eu.a", "2");
  machine().touch("eu.a");
  world_.run(Millis(60'000));
  EXPECT_EQ(machine().held["eu.a"].resource.hash(), "hash-of-1");
  EXPECT_EQ(world_.resource("eu.a")->status().state(), "Ready");
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Revoked");
  world_.restart_agent("eu");
  world_.run(kSoon);
  EXPECT_EQ(world_.session("eu").state().refusal, "agent eu was revoked");
}

TEST_F(LinkTest, AnotherRegionsResourceIsNotTouched) {
  world_.enrol("us");
  world_.put("us.a", "1");
  auto bus = world_.broker.connect("evil");
  wire::v1::StatusReport report;
  report.set_protocol(1);
  report.set_epoch("e1");
  auto& item = *report.add_resources();
  item.set_name("us.a");
  item.set_generation(1);
  item.set_version(99);
  item.set_state("Ready");
  ASSERT_TRUE(bus->publish("status.eu", report.SerializeAsString()));
  ASSERT_TRUE(bus->publish("status.eu", "garbage"));
  ASSERT_TRUE(bus->publish("heartbeat.eu", "garbage"));
  ASSERT_TRUE(bus->publish("status.nobody", report.SerializeAsString()));
  world_.run(kSoon);
  EXPECT_EQ(world_.resource("us.a")->status().state(), "");
  EXPECT_EQ(world_.hub().fleet.counters().garbage, 3U);
  EXPECT_EQ(world_.hub().fleet.counters().ignored, 1U);
}

TEST_F(LinkTest, TheHubAnswersToTheAgentsOwnInboxOnly) {
  auto bus = world_.broker.connect("us");  // its inbox is not eu's
  bool answered = false;
  const auto handle = bus->request("sync.eu", "", [&](Message) { answered = true; });
  world_.run(kSoon);
  EXPECT_FALSE(answered);
  EXPECT_EQ(world_.hub().dispatch.counters().syncs_invalid, 1U);
}

// --- liveness
// ------------------------------------------------------------------------------------------------

TEST_F(LinkTest, AnAgentThatMissesThreeBeatsIsLostAndItsStatusStale) {
  world_.put("eu.a", "1");
  world_.run(kSoon);
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Connected");
  const hub::Freshness freshness(world_.hub().dispatch.agents(), world_.hub().fleet.liveness(), "e1");
  EXPECT_FALSE(freshness.stale(*world_.resource("eu.a")));
  world_.stop_agent("eu");
  world_.run(Millis(25'000));
  EXPECT_FALSE(freshness.stale(*world_.resource("eu.a")));
  world_.run(Millis(10'000));
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Lost");
  auto resource = *world_.resource("eu.a");
  EXPECT_TRUE(freshness.stale(resource));
  freshness.refresh(resource);
  EXPECT_EQ(resource.status().state(), "Stale");
  world_.start_agent("eu");
  world_.run(kSoon);
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Connected");
  EXPECT_FALSE(freshness.stale(*world_.resource("eu.a")));
}

TEST_F(LinkTest, AfterAHubsRestartAgentsHaveTheirFullTime) {
  world_.stop_hub();
  world_.stop_agent("eu");
  world_.run(Millis(3'600'000));
  world_.start_hub();
  world_.run(Millis(25'000));
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Connected");
  world_.run(Millis(10'000));
  EXPECT_EQ(world_.agent_object("eu").status().state(), "Lost");
}

// --- quiet
// ---------------------------------------------------------------------------------------------------

TEST_F(LinkTest, WithoutAChangeNothingIsWrittenAndOnlyHeartbeatsAreSent) {
  world_.put("eu.a", "1");
  world_.run(Millis(30'000));
  const auto revision = world_.revision();
  const auto commits = machine().commits;
  const auto syncs = world_.hub().dispatch.counters().syncs;
  world_.run(Millis(600'000));
  EXPECT_EQ(world_.revision(), revision);
  EXPECT_EQ(machine().commits, commits);
  EXPECT_EQ(world_.hub().dispatch.counters().syncs, syncs);
  EXPECT_EQ(world_.hub().fleet.counters().pokes, 0U);
}

TEST_F(LinkTest, AFullDiskLosesNothing) {
  machine().disk = [n = 0]() mutable { return ++n % 4 == 0; };
  for (int i = 0; i < 10; ++i) world_.put("eu.a" + std::to_string(i), "1");
  world_.tombstone("eu.a3");
  world_.run(Millis(300'000));
  machine().disk = [] { return true; };
  world_.run(Millis(120'000));
  expect_equal();
}

TEST_F(LinkTest, AJournalThatWasLostIsFilledAgain) {
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.stop_agent("eu");
  machine().held.clear();
  machine().position = 0;
  world_.start_agent("eu");
  world_.run(kSoon);
  expect_equal();
}

}  // namespace
}  // namespace qleet::testing
