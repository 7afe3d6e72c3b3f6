// The fleet's decisions, by tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bus/memory_bus.h"
#include "common/model/reasons.h"
#include "hub/dispatch/allowance.h"
#include "hub/dispatch/boot_watch.h"
#include "hub/dispatch/flood_watch.h"
#include "hub/fleet/agent_status.h"
#include "hub/fleet/event_write.h"
#include "hub/fleet/fleet.h"
#include "hub/fleet/intake.h"
#include "hub/fleet/liveness.h"
#include "hub/fleet/misconduct.h"
#include "hub/fleet/poke_policy.h"
#include "hub/fleet/report_check.h"
#include "hub/fleet/status_merge.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub {
namespace {

std::uint64_t counted() {
  static std::uint64_t next = 0;
  return ++next;
}

MonoTime at(int ms) { return MonoTime(Millis(ms)); }

wire::v1::StatusReport report_of(const std::string& name) {
  wire::v1::StatusReport report;
  report.set_protocol(1);
  report.set_boot_id("b");
  report.set_epoch("e");
  report.add_resources()->set_name(name);
  return report;
}

TEST(ReportCheck, WhatPasses) {
  auto report = report_of("eu.dev.shop.redis.cache");
  auto& item = *report.mutable_resources(0);
  item.set_state("Ready");
  auto& condition = *item.add_conditions();
  condition.set_type("Ready");
  condition.set_message(std::string(5000, 'x'));
  (*item.mutable_outputs())["host"] = "10.0.0.1";
  const auto checked = check_report(report.SerializeAsString(), "eu");
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->dropped, 0U);
  EXPECT_EQ(checked->report.resources(0).conditions(0).message().size(), 2048U);
}

TEST(ReportCheck, WhatIsDroppedWhole) {
  EXPECT_FALSE(check_report("garbage", "eu"));
  auto report = report_of("eu.a");
  report.set_protocol(9);
  EXPECT_FALSE(check_report(report.SerializeAsString(), "eu"));
  report.set_protocol(1);
  report.set_epoch(std::string(200, 'e'));
  EXPECT_FALSE(check_report(report.SerializeAsString(), "eu"));
  EXPECT_FALSE(check_report(std::string(300 * 1024, 'x'), "eu"));
}

TEST(ReportCheck, ResourcesThatAreDropped) {
  for (const char* name : {"", "eu", "eu.", "us.a", "europe.a", "eu/a", "eu.A", "eu.a\n"}) {
    if (std::string(name) == "eu.") continue;
    const auto checked = check_report(report_of(name).SerializeAsString(), "eu");
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->dropped, 1U) << name;
    EXPECT_EQ(checked->report.resources_size(), 0) << name;
  }
  auto report = report_of("eu.a");
  for (int i = 0; i < 17; ++i) report.mutable_resources(0)->add_conditions()->set_type("T");
  EXPECT_EQ(check_report(report.SerializeAsString(), "eu")->dropped, 1U);
  report = report_of("eu.a");
  (*report.mutable_resources(0)->mutable_outputs())["o"] = std::string(5000, 'x');
  EXPECT_EQ(check_report(report.SerializeAsString(), "eu")->dropped, 1U);
}

TEST(ReportCheck, TheValueOfASecretOutputIsNeverKept) {
  auto report = report_of("eu.a");
  (*report.mutable_resources(0)->mutable_outputs())["password"] = "hunter2";
  report.mutable_resources(0)->add_secret_outputs("password");
  const auto checked = check_report(report.SerializeAsString(), "eu");
  EXPECT_TRUE(checked->report.resources(0).outputs().empty());
}

TEST(ReportCheck, WhatAnOlderAgentQuotesOfALogIsNotKept) {
  auto report = report_of("eu.a");
  auto& condition = *report.mutable_resources(0)->add_conditions();
  condition.set_type("Ready");
  condition.set_message("web ended with code 3, its last lines: password=hunter2");
  auto& event = *report.add_events();
  event.set_id("e1");
  event.set_resource("eu.a");
  event.set_message(condition.message());
  const auto checked = check_report(report.SerializeAsString(), "eu");
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->dropped, 0U);
  EXPECT_EQ(checked->report.resources(0).conditions(0).message(), "web ended with code 3");
  EXPECT_EQ(checked->report.events(0).message(), "web ended with code 3");
}

TEST(ReportCheck, ALongMessageIsCutBetweenCharacters) {
  auto report = report_of("eu.a");
  auto& condition = *report.mutable_resources(0)->add_conditions();
  condition.set_type("Ready");
  std::string text(2047, 'x');
  condition.set_message(text + "\xc3\xa9\xc3\xa9");
  const auto checked = check_report(report.SerializeAsString(), "eu");
  EXPECT_EQ(checked->report.resources(0).conditions(0).message(), text);
}

struct MergeCase {
  const char* what;
  bool exists;
  const char* region;
  bool deleted;
  std::uint32_t generation;  // of the resource
  std::uint64_t stored_version;
  const char* stored_epoch;
  std::uint32_t reported;
  std::uint64_t version;
  bool gone;
  Merge want;
};

TEST(StatusMerge, Table) {
  const MergeCase cases[] = {
      {"first", true, "eu", false, 2, 0, "", 2, 5, false, Merge::kWrite},
      {"of an older generation", true, "eu", false, 2, 0, "", 1, 5, false, Merge::kWrite},
      {"newer", true, "eu", false, 2, 4, "e", 2, 5, false, Merge::kWrite},
      {"again", true, "eu", false, 2, 5, "e", 2, 5, false, Merge::kOld},
      {"late", true, "eu", false, 2, 6, "e", 2, 5, false, Merge::kOld},
      {"late, of an older generation that a faster clock counted", true, "eu", false, 2, 5, "e", 1, 6, false,
       Merge::kOld},
      {"made anew by a clock that went back", true, "eu", false, 3, 6, "e", 3, 5, false, Merge::kWrite},
      {"stored in another life", true, "eu", false, 2, 6, "d", 2, 5, false, Merge::kWrite},
      {"unknown", false, "", false, 0, 0, "", 2, 5, false, Merge::kUnknown},
      {"gone and erased", false, "", false, 0, 0, "", 2, 5, true, Merge::kUnknown},
      {"foreign", true, "us", false, 2, 0, "", 2, 5, false, Merge::kForeign},
      {"ahead", true, "eu", false, 2, 0, "", 3, 5, false, Merge::kAhead},
      {"gone", true, "eu", true, 3, 0, "", 3, 5, true, Merge::kErase},
      {"gone, sent again", true, "eu", true, 3, 5, "e", 3, 5, true, Merge::kErase},
      {"gone, but revived", true, "eu", false, 4, 0, "", 3, 5, true, Merge::kRevived},
      {"gone, but revived and deleted again", true, "eu", true, 5, 0, "", 3, 5, true, Merge::kRevived},
      {"gone, of a live one", true, "eu", false, 3, 0, "", 3, 5, true, Merge::kRevived},
  };
  for (const auto& c : cases) {
    v1::ResourceStatus status;
    status.set_report_version(c.stored_version);
    status.set_epoch(c.stored_epoch);
    if (c.stored_version > 0) status.set_observed_generation(2);
    const Judged resource{c.region, c.generation, c.deleted, status};
    wire::v1::ResourceReport report;
    report.set_generation(c.reported);
    report.set_version(c.version);
    report.set_gone(c.gone);
    EXPECT_EQ(judge(c.exists ? &resource : nullptr, report, {"eu", "e", ""}), c.want) << c.what;
  }
}

// An agent from before there were secrets knows no provider for them, and cannot say what to do.
TEST(StatusMerge, AnAgentThatIsTooOldForSecretsIsToBeUpgraded) {
  const auto message = [](std::string_view type, std::string_view reason, const std::string& said) {
    v1::ResourceStatus status;
    auto& ready = *status.add_conditions();
    ready.set_reason(std::string(reason));
    ready.set_message(said);
    explain_old_agent(status, type);
    return status.conditions(0).message();
  };
  const std::string old = "this agent has no provider \"secret\"";
  EXPECT_TRUE(message("secret", reasons::kProviderMissing, old).contains("upgrade it to version"));
  EXPECT_EQ(message("secret", reasons::kProviderError, old), old);
  EXPECT_EQ(message("postgres", reasons::kProviderMissing, old), old);
  const std::string vault = "this agent has no provider \"vault\"";
  EXPECT_EQ(message("secret", reasons::kProviderMissing, vault), vault);
}

TEST(StatusMerge, WhatBelongsToTheHubStays) {
  v1::ResourceStatus status;
  status.mutable_unused_since()->set_seconds(7);
  (*status.mutable_outputs())["old"] = "1";
  status.mutable_next_attempt()->set_seconds(9);
  wire::v1::ResourceReport report;
  report.set_state("Ready");
  report.set_generation(3);
  report.set_version(11);
  report.set_ready(1);
  report.set_replicas(2);
  report.set_restarts(4);
  write_status(status, report, {"boot", "e", WallTime(Millis(1500))});
  EXPECT_EQ(status.unused_since().seconds(), 7);
  EXPECT_TRUE(status.outputs().empty());
  EXPECT_FALSE(status.has_next_attempt());
  EXPECT_EQ(status.observed_generation(), 3U);
  EXPECT_EQ(status.report_version(), 11U);
  EXPECT_EQ(status.ready(), 1U);
  EXPECT_EQ(status.replicas(), 2U);
  EXPECT_EQ(status.restarts(), 4U);
  EXPECT_EQ(status.received_at().seconds(), 1);
}

class PokeTest : public ::testing::Test {
 protected:
  std::string decide(int now) {
    return policy_.decide("eu", beat_, known_ ? &view_ : nullptr, {"e", {}}, at(now));
  }
  PokeTest() {
    beat_.set_epoch("e");
    view_.digest.add(sync::entry_digest("a", "u", 1, "h"));
    view_.changed_at = at(1);
    beat_.set_digest(sync::Digest{}.bytes());
  }
  PokePolicy policy_{PokeLimits{}};
  wire::v1::Heartbeat beat_;
  RegionView view_;
  bool known_ = true;
};

TEST_F(PokeTest, OfARegionThatIsNotKnownYetNothingIsSaid) {
  known_ = false;
  EXPECT_EQ(decide(60'000), "");
  beat_.set_epoch("older");
  EXPECT_EQ(decide(60'000), "this hub's epoch is another");
}

TEST_F(PokeTest, AgreementNeedsNone) {
  beat_.set_digest(view_.digest.bytes());
  EXPECT_EQ(decide(60'000), "");
}

TEST_F(PokeTest, AChangeMayStillBeOnItsWay) {
  EXPECT_EQ(decide(1'500), "");
  EXPECT_EQ(decide(2'500), "digests differ");
}

TEST_F(PokeTest, InVainItBecomesRare) {
  int pokes = 0;
  for (int now = 10'000; now < 3'600'000; now += 1'000) pokes += decide(now).empty() ? 0 : 1;
  EXPECT_GE(pokes, 12);
  EXPECT_LE(pokes, 20);
  // Once it has helped, the next difference is told at once.
  beat_.set_digest(view_.digest.bytes());
  EXPECT_EQ(decide(3'600'000), "");
  beat_.set_digest("");
  EXPECT_EQ(decide(3'601'000), "digests differ");
}

TEST_F(PokeTest, AnotherEpochIsToldButNotToOneThatRefuses) {
  beat_.set_epoch("older");
  EXPECT_EQ(decide(1'500), "this hub's epoch is another");
  beat_.set_refusal("no");
  EXPECT_EQ(decide(60'000), "");
}

TEST(Liveness, Table) {
  Liveness liveness(Millis(30));
  const WallTime wall{};
  EXPECT_EQ(liveness.sight("a").presence, Presence::kNeverSeen);
  EXPECT_TRUE(liveness.heard("a", at(0), wall));
  EXPECT_FALSE(liveness.heard("a", at(10), wall));
  EXPECT_TRUE(liveness.expire(at(39), wall).empty());
  EXPECT_EQ(liveness.expire(at(40), wall), std::vector<std::string>{"a"});
  EXPECT_TRUE(liveness.expire(at(80), wall).empty());
  EXPECT_EQ(liveness.sight("a").presence, Presence::kLost);
  EXPECT_TRUE(liveness.heard("a", at(90), wall));
  liveness.restore("b", true, at(90), wall);
  liveness.restore("c", false, at(90), wall);
  EXPECT_EQ(liveness.sight("b").presence, Presence::kExpected);
  EXPECT_EQ(liveness.sight("c").presence, Presence::kLost);
  EXPECT_EQ(liveness.connected(), 1U);
  EXPECT_EQ(liveness.expire(at(120), wall).size(), 2U);
}

TEST(Liveness, WhoLeftIsLostSoonerUnlessHeard) {
  Liveness liveness(Millis(30'000));
  const WallTime wall{};
  liveness.left("unknown", at(0), Millis(2));
  for (const char* name : {"a", "b"}) {
    liveness.heard(name, at(0), wall);
    liveness.left(name, at(5), Millis(2));
    liveness.left(name, at(6), Millis(2));
  }
  liveness.heard("b", at(6), wall);
  EXPECT_TRUE(liveness.expire(at(6), wall).empty());
  EXPECT_EQ(liveness.expire(at(7), wall), std::vector<std::string>{"a"});
  EXPECT_TRUE(liveness.expire(at(100), wall).empty());
  EXPECT_TRUE(liveness.heard("a", at(101), wall));
  EXPECT_TRUE(liveness.expire(at(102), wall).empty()) << "it has come back";
}

TEST(AgentStatus, EqualFactsChangeNothing) {
  AgentFacts facts;
  facts.sight = {Presence::kConnected, WallTime(Millis(5)), WallTime(Millis(5))};
  facts.beat.set_boot_id("b");
  facts.beat.add_unclaimed("eu.x");
  v1::Agent agent;
  describe(facts, WallTime(Millis(10'000)), agent);
  EXPECT_EQ(agent.status().state(), "Connected");
  EXPECT_EQ(agent.status().unclaimed(0), "eu.x");
  const std::string before = agent.SerializeAsString();
  facts.sight.last_seen = WallTime(Millis(99'000));
  describe(facts, WallTime(Millis(100'000)), agent);
  EXPECT_EQ(agent.SerializeAsString(), before);
}

TEST(AgentStatus, AListIsShortened) {
  AgentFacts facts;
  facts.beat.set_boot_id("b");
  facts.beat.set_protocol(1);
  for (int i = 0; i < 7; ++i) facts.beat.add_kept("eu." + std::to_string(i));
  v1::Agent agent;
  describe(facts, {}, agent);
  ASSERT_EQ(agent.status().conditions(0).type(), "Synced");
  const auto& message = agent.status().conditions(0).message();
  EXPECT_NE(message.find("eu.0, eu.1, eu.2, eu.3, eu.4 and 2 more"), std::string::npos) << message;
}

TEST(EventWrite, OfAResourceTheNewestAreKept) {
  MemoryStore store;
  ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
    v1::Resource resource;
    resource.mutable_metadata()->set_name("eu.a");
    TRY(objects::put(txn, resource, {{}, system_random()}));
    return {};
  }));
  for (int i = 0; i < 60; ++i) {
    wire::v1::EventReport event;
    event.set_id(std::to_string(i));
    event.set_resource("eu.a");
    event.set_reason("Creating");
    for (int again = 0; again < 2; ++again)
      ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
        EXPECT_EQ(TRY(write_event(txn, "agent", event, {}, counted)), again == 0);
        return {};
      }));
  }
  const auto events = *objects::list<v1::Event>(**store.snapshot());
  EXPECT_EQ(events.size(), kEventsPerResource);
  for (const auto& event : events) EXPECT_GE(std::stoi(event.metadata().name().substr(6)), 10);
  EXPECT_EQ(events[0].spec().regarding_kind(), "Resource");
  EXPECT_EQ(events[0].spec().source(), "agent/agent");
}

TEST(EventWrite, WhatIsSaidOfNothingCountsAsTheAgentsOwnAndIsBounded) {
  MemoryStore store;
  for (int i = 0; i < 120; ++i) {
    wire::v1::EventReport event;
    event.set_id(std::to_string(i));
    event.set_message("deleted");
    if (i % 2 == 0) event.set_resource("eu.not-there-" + std::to_string(i));
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      TRY(write_event(txn, "agent", event, {}, counted));
      return {};
    }));
  }
  const auto events = *objects::list<v1::Event>(**store.snapshot());
  EXPECT_EQ(events.size(), kEventsPerResource);
  for (const auto& event : events) {
    EXPECT_EQ(event.spec().regarding_kind(), "Agent");
    const bool of_itself = std::stoi(event.metadata().name().substr(6)) % 2 != 0;
    EXPECT_EQ(event.spec().message(),
              of_itself ? "deleted" : "eu.not-there-" + event.metadata().name().substr(6) + ": deleted")
        << "which one it was is not lost";
  }
}

// A simulated hub is the same each time: no other random numbers than those it is given.
TEST(EventWrite, TakesItsUidFromTheGivenNumbers) {
  std::string uids[2];
  for (auto& uid : uids) {
    MemoryStore store;
    wire::v1::EventReport event;
    event.set_id("1");
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      TRY(write_event(txn, "agent", event, {}, [] { return std::uint64_t{7}; }));
      return {};
    }));
    uid = objects::list<v1::Event>(**store.snapshot())->front().metadata().uid();
  }
  EXPECT_EQ(uids[0], uids[1]);
}

// What is said of an agent must survive a store that does not take it.
TEST(Fleet, TellsOfMisconductAgainWhereTheStoreFailed) {
  MemoryStore memory;
  ASSERT_TRUE(memory.transact([&](Txn& txn) -> Result<> {
    v1::Agent agent;
    agent.mutable_metadata()->set_name("eu");
    agent.mutable_spec()->set_region("eu");
    TRY(objects::put(txn, agent, {{}, system_random()}));
    return {};
  }));
  ManualClock clock;
  MemoryBroker broker(clock);
  const auto bus = broker.connect("hub");
  const auto agent = broker.connect("eu");
  AgentDirectory directory;
  ASSERT_TRUE(directory.rebuild(**memory.snapshot()));
  DesiredIndex index;
  std::vector<std::string> notes;
  int fail_next = 1;
  Fleet fleet(
      memory, *bus, clock, directory, index,
      {.note = [&](Txn&, const std::string& name, std::string_view reason, const std::string&) -> Result<> {
        if (fail_next-- > 0) return fail(Code::kFull, "the disk is full");
        notes.push_back(name + " " + std::string(reason));
        return {};
      }},
      {});
  ASSERT_TRUE(fleet.start());
  ASSERT_TRUE(agent->publish("status.eu", "garbage"));
  for (int i = 0; i < 100 && notes.empty(); ++i) {
    broker.pump();
    fleet.step();
    clock.advance(Millis(100));
  }
  EXPECT_THAT(notes, ::testing::ElementsAre("eu MessagesDropped"));
}

TEST(BootWatch, ARestartIsNoSecondProcess) {
  BootWatch watch;
  EXPECT_TRUE(watch.heard("eu", "1-a", false, at(0)));
  EXPECT_TRUE(watch.heard("eu", "2-b", false, at(10'000)));
  // What the first one sent came late, all of it at one time, and once more a moment later.
  EXPECT_FALSE(watch.heard("eu", "1-a", false, at(10'100)));
  EXPECT_FALSE(watch.heard("eu", "1-a", false, at(12'000)));
  EXPECT_FALSE(watch.copies("eu", at(12'000)));
  EXPECT_TRUE(watch.take_news(at(12'000)).empty());
  for (int i = 3; i < 100; ++i)
    EXPECT_TRUE(watch.heard("eu", std::to_string(i) + "-c", false, at(20'000 + i))) << "restarts without end";
  EXPECT_FALSE(watch.copies("eu", at(30'000)));
}

TEST(BootWatch, TwoThatSpeakInTurnsAreCopiesAndTheOneThatBeganLastServes) {
  BootWatch watch;
  EXPECT_TRUE(watch.heard("eu", "1-a", false, at(0)));
  EXPECT_TRUE(watch.heard("eu", "1-b", false, at(5'000)));
  for (int ms = 10'000; ms <= 40'000; ms += 10'000) {
    EXPECT_FALSE(watch.heard("eu", "1-a", false, at(ms)));
    EXPECT_TRUE(watch.heard("eu", "1-b", false, at(ms + 5'000)));
  }
  EXPECT_EQ(watch.copies("eu", at(45'000)), (BootWatch::Copies{"1-b", "1-a"}));
  EXPECT_EQ(watch.agents_with_copies(at(45'000)), 1U);
  EXPECT_THAT(watch.take_news(at(45'000)), ::testing::ElementsAre("eu"));
  EXPECT_TRUE(watch.take_news(at(45'000)).empty());
  // It is told, says nothing more, and asks now and then.
  EXPECT_FALSE(watch.heard("eu", "1-a", true, at(100'000)));
  EXPECT_TRUE(watch.heard("eu", "1-b", false, at(105'000)));
  // The other one ends: it may go on.
  EXPECT_TRUE(watch.heard("eu", "1-a", true, at(170'000)));
  EXPECT_FALSE(watch.copies("eu", at(400'000)));
  EXPECT_THAT(watch.take_news(at(400'000)), ::testing::ElementsAre("eu"));
}

TEST(BootWatch, AMessageOfAnEarlierProcessThatComesLateTakesNothingOver) {
  BootWatch watch;
  EXPECT_TRUE(watch.heard("eu", "10-b", false, at(0)));
  EXPECT_FALSE(watch.heard("eu", "9-a", false, at(1'000))) << "it was never heard before, and is older";
  EXPECT_TRUE(watch.heard("eu", "10-b", false, at(2'000)));
  EXPECT_FALSE(watch.copies("eu", at(2'000)));
  // A state that was put back from a backup goes on once the other is gone.
  EXPECT_FALSE(watch.heard("eu", "3-c", false, at(61'000)));
  EXPECT_TRUE(watch.heard("eu", "3-c", false, at(62'000)));
}

TEST(BootWatch, AHubThatStartsAnewGoesOnWithTheOneThatServed) {
  BootWatch watch;
  watch.restore("eu", "1-b", at(0));
  EXPECT_FALSE(watch.heard("eu", "1-a", true, at(1'000))) << "it says itself that it does not serve";
  EXPECT_TRUE(watch.heard("eu", "1-b", false, at(2'000)));
  EXPECT_TRUE(watch.copies("eu", at(2'000)));
}

TEST(AgentStatus, CopiesAreACondition) {
  v1::Agent agent;
  AgentFacts facts;
  describe(facts, {}, agent);
  EXPECT_EQ(agent.status().DebugString().find("Unique"), std::string::npos) << "nothing to say";
  facts.copies = BootWatch::Copies{"2-b", "1-a"};
  describe(facts, {}, agent);
  EXPECT_NE(agent.status().DebugString().find("CopiesRunning"), std::string::npos);
  facts.copies.reset();
  describe(facts, {}, agent);
  EXPECT_NE(agent.status().DebugString().find("OneRunning"), std::string::npos);
}

TEST(Intake, OneAgentsFloodLeavesTheOthersTheirPlaces) {
  Intake intake({.reports = 3, .report_bytes = 100});
  EXPECT_TRUE(intake.put_report("bad", std::string(1000, 'x'))) << "one is taken whatever its size";
  EXPECT_FALSE(intake.put_report("bad", "y"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(intake.put_report("loud", std::to_string(i)), i < 3);
  EXPECT_TRUE(intake.put_report("good", "g"));
  for (int i = 0; i < 1000; ++i) intake.put_heartbeat("loud", std::to_string(i));
  const auto taken = intake.take();
  ASSERT_EQ(taken.heartbeats.size(), 1U);
  EXPECT_EQ(taken.heartbeats[0].second, "999");
  using Item = Intake::Taken::Item;
  EXPECT_THAT(taken.reports, ::testing::ElementsAre(Item("bad", std::string(1000, 'x')), Item("good", "g"),
                                                    Item("loud", "0"), Item("loud", "1"), Item("loud", "2")))
      << "in turns";
  EXPECT_EQ(intake.dropped(), 3U);
  EXPECT_TRUE(intake.take().reports.empty());
}

TEST(Allowances, FillWithTime) {
  Allowances allowances;
  const Allowance rule{.burst = 10, .per_second = 2};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(allowances.take("a", 1, rule, at(0)));
  EXPECT_FALSE(allowances.take("a", 1, rule, at(0)));
  EXPECT_TRUE(allowances.take("b", 1, rule, at(0)));
  EXPECT_TRUE(allowances.take("a", 5, rule, at(1000))) << "what is not empty may be overdrawn once";
  EXPECT_FALSE(allowances.take("a", 1, rule, at(2000)));
  EXPECT_TRUE(allowances.take("a", 1, rule, at(60'000)));
}

TEST(Misconduct, IsToldOfOnceAMinuteAndSuspensionsGrow) {
  Misconduct misconduct;
  misconduct.count("a", Misconduct::What::kUnreadable, 3);
  misconduct.count("a", Misconduct::What::kOverAllowance);
  auto remarks = misconduct.remarks(at(0));
  ASSERT_EQ(remarks.size(), 1U);
  EXPECT_NE(remarks[0].message.find("3 messages are none"), std::string::npos) << remarks[0].message;
  EXPECT_EQ(misconduct.remarks(at(1)).size(), 1U) << "until it was told it is not forgotten";
  misconduct.told(remarks, at(0));
  misconduct.count("a", Misconduct::What::kPartsRefused);
  EXPECT_TRUE(misconduct.remarks(at(59'000)).empty());
  EXPECT_EQ(misconduct.remarks(at(60'000)).size(), 1U);

  EXPECT_EQ(misconduct.suspend("a", Millis(100), Millis(300), at(0)), Millis(100));
  EXPECT_FALSE(misconduct.suspend("a", Millis(100), Millis(300), at(50)));
  EXPECT_TRUE(misconduct.suspended("a"));
  EXPECT_TRUE(misconduct.released(at(99)).empty());
  EXPECT_EQ(misconduct.released(at(100)).size(), 1U);
  EXPECT_FALSE(misconduct.suspended("a"));
  EXPECT_EQ(misconduct.suspend("a", Millis(100), Millis(300), at(200)), Millis(200));
  misconduct.released(at(400));
  EXPECT_EQ(misconduct.suspend("a", Millis(100), Millis(300), at(500)), Millis(300));
  misconduct.released(at(800));
  EXPECT_EQ(misconduct.suspend("a", Millis(100), Millis(300), at(10'000'000)), Millis(100)) << "long ago";
}

TEST(FloodWatch, CountsMessagesAndTheirSize) {
  FloodWatch watch;
  for (int i = 0; i < 10; ++i) watch.count("many", 1);
  watch.count("big", 640 * 1024);
  watch.count("few", 1000);
  EXPECT_EQ(watch.above(9).size(), 2U);
  EXPECT_TRUE(watch.above(0).empty()) << "counted anew";
  watch.count_refused("refused", 11);
  EXPECT_EQ(watch.above(10).size(), 1U);
}

TEST(ReportCheck, WhatCannotBeShownOrIsUnknownIsDropped) {
  auto report = report_of("eu.a");
  report.mutable_resources(0)->mutable_next_attempt()->set_seconds(INT64_MAX);
  EXPECT_EQ(check_report(report.SerializeAsString(), "eu")->dropped, 1U);
  report = report_of("eu.a");
  report.mutable_resources(0)->add_conditions()->set_type("T");
  report.mutable_resources(0)->mutable_conditions(0)->mutable_last_transition_time()->set_nanos(-1);
  EXPECT_EQ(check_report(report.SerializeAsString(), "eu")->dropped, 1U);
  report = report_of("eu.a");
  for (int i = 0; i < 40; ++i)
    (*report.mutable_resources(0)->mutable_outputs())[std::to_string(i)] = std::string(4000, 'x');
  EXPECT_EQ(check_report(report.SerializeAsString(), "eu")->dropped, 1U);
  // A field that this hub does not know, in a condition: it would be stored.
  report = report_of("eu.a");
  auto& condition = *report.mutable_resources(0)->add_conditions();
  condition.set_type("T");
  condition.GetReflection()
      ->MutableUnknownFields(&condition)
      ->AddLengthDelimited(999, std::string(1000, 'x'));
  const auto checked = check_report(report.SerializeAsString(), "eu");
  EXPECT_LT(checked->report.ByteSizeLong(), 100U);
}

}  // namespace
}  // namespace qleet::hub
