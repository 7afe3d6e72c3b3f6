// Hub and agent over a network that the test owns: each way to lose something, and what heals it.
#include "qleet/v1/access.pb.h"
#include "tests/unit/link_fixture.h"

namespace qleet::testing {
namespace {

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

// --- who may speak ----------------------------------------------------------------------------------------

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

// --- liveness ---------------------------------------------------------------------------------------------

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

// --- quiet ------------------------------------------------------------------------------------------------

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
