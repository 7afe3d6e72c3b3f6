// What goes wrong around the engine: crashes, drift, failing steps, a full disk, bad templates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/engine/engine.h"
#include "common/model/reasons.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

using testing::ElementsAre;

class EngineTroubleTest : public testing::Test, protected EngineFixture {};

TEST_F(EngineTroubleTest, NothingIsDoneThatCannotBeWrittenDownFirst) {
  ASSERT_TRUE(state({{.name = "db"}}));
  engine->step();
  executor.run_all();
  journal.fill_disk(2);
  engine->step();
  EXPECT_EQ(executor.waiting(), 0u);
  EXPECT_EQ(noop().count("apply db"), 0u);
  pass(Millis(5'000));
  EXPECT_EQ(state_of("db"), "Ready") << "once the disk has space again";
}

// Each look at it takes a millisecond, as on a busy machine.
class CreepingClock final : public Clock {
 public:
  explicit CreepingClock(ManualClock& clock) : clock_(clock) {}
  WallTime wall() const override { return clock_.wall(); }
  MonoTime mono() const override {
    clock_.advance(Millis(1));
    return clock_.mono();
  }

 private:
  ManualClock& clock_;
};

TEST_F(EngineTroubleTest, AMomentThatComesWhileAResourceIsLookedAtIsNotMissed) {
  engine.reset();
  const CreepingClock creeping(clock);
  const auto unwatched =
      std::make_shared<RecordingProvider>(std::make_shared<noop::NoopProvider>(clock, world, "noop"), false);
  auto opened = Engine::open(options, {.journal = journal,
                                       .clock = creeping,
                                       .random = random,
                                       .executor = executor,
                                       .wake = wake,
                                       .providers = {{"noop", unwatched}}});
  ASSERT_TRUE(opened);
  engine = std::move(*opened);
  const auto live = [&] {
    int steps = 0;
    for (MonoTime due = engine->step(); steps < 200 && (executor.waiting() > 0 || due < MonoTime::max());
         ++steps) {
      executor.run_all();
      if (due < MonoTime::max() && due > clock.mono() + Millis(1)) clock.advance(Millis(1));
      due = engine->step();
    }
  };
  for (int delay = 1; delay <= 12; ++delay) {
    const auto thing = [&](unsigned generation, bool deleted) {
      return Spec{.name = "thing-" + std::to_string(delay),
                  .numbers = {{"removeDelayMs", delay}},
                  .generation = generation,
                  .deleted = deleted};
    };
    ASSERT_TRUE(state({thing(1, false)}));
    live();
    ASSERT_TRUE(state({thing(2, true)}));
    live();
    EXPECT_FALSE(exists(thing(2, true).name)) << "it waits " << delay << " ms, and for ever";
  }
}

TEST_F(EngineTroubleTest, ADesiredChangeThatCannotBeStoredIsRefusedWhole) {
  journal.fill_disk(1);
  const auto refused = state({{.name = "db"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFull);
  settle();
  EXPECT_TRUE(noop().calls.empty());
  EXPECT_EQ(engine->holding().position, 0u);
  EXPECT_TRUE(engine->holding().resources.empty());
}

TEST_F(EngineTroubleTest, ACrashBetweenIntentAndActLeavesTheStepToTheNextOne) {
  ASSERT_TRUE(state({db()}));
  engine->step();
  executor.run_all();
  engine->step();
  ASSERT_EQ(executor.waiting(), 1u);
  restart();
  settle();
  EXPECT_THAT(noop().calls, ElementsAre("observe db", "apply db", "observe db"));
  EXPECT_EQ(state_of("db"), "Ready");
}

TEST_F(EngineTroubleTest, ACrashBetweenActAndOutcomeAdoptsWhatWasMade) {
  ASSERT_TRUE(state({web(), db()}));
  engine->step();
  executor.run_all();
  engine->step();
  executor.run_all();  // applied, but nobody heard of it
  ASSERT_TRUE(exists("db"));
  restart();
  settle();
  EXPECT_EQ(noop().count("apply db"), 0u) << "the same secret, the same hash: it is what was wanted";
  EXPECT_EQ(state_of("db"), "Ready");
  EXPECT_EQ(state_of("web"), "Ready");
}

// A late confirmation of what was forgotten must not pass for one of what came in its place.
TEST_F(EngineTroubleTest, VersionsGrowAlthoughTheClockIsSetBack) {
  clock.jump_wall(std::chrono::hours(1));
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  const auto before = report("db").version();
  ASSERT_TRUE(forget({"db"}));
  clock.jump_wall(-std::chrono::hours(1));
  ASSERT_TRUE(state({{.name = "db", .generation = 3}}));
  EXPECT_GT(report("db").version(), before);
}

TEST_F(EngineTroubleTest, DriftIsRepairedAndTold) {
  ASSERT_TRUE(state({{.name = "db"}}));
  pass(Millis(1000));
  ASSERT_TRUE(world->meddle("eu-1", "db", [](noop::Thing& t) { t.self["name"] = "evil"; }));
  pass(Millis(100));
  EXPECT_EQ(state_of("db"), "Ready");
  EXPECT_EQ(world->applies("db"), 2u);
  const auto events = engine->reports().events(10);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().reason(), "DriftRepaired");
  EXPECT_EQ(events.back().message(), "repaired: was changed by someone else");
}

TEST_F(EngineTroubleTest, AFightOverAResourceIsSlowedDown) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  for (int i = 0; i < 600; ++i) {
    (void)world->meddle("eu-1", "db", [](noop::Thing& t) { t.self["name"] = "evil"; });
    pass(Millis(100));
  }
  EXPECT_LT(world->applies("db"), 12u) << "in a minute";
}

TEST_F(EngineTroubleTest, FailuresBackOffAndStallWithTheReason) {
  ASSERT_TRUE(
      state({{.name = "db", .template_ = {{"fail", "registry said 401"}, {"failReason", "ImageRefused"}}}}));
  settle();
  EXPECT_EQ(state_of("db"), "Progressing");
  EXPECT_EQ(reason_of("db"), "ImageRefused");
  EXPECT_EQ(report("db").attempts(), 1u);
  EXPECT_TRUE(report("db").has_next_attempt());
  pass(Millis(20'000));
  auto r = report("db");
  EXPECT_EQ(r.state(), "Stalled");
  EXPECT_EQ(r.conditions(0).reason(), "ImageRefused");
  EXPECT_EQ(r.conditions(0).message(), "registry said 401");
  const auto tried = world->applies("db");
  EXPECT_GE(tried, 5u);
  EXPECT_LE(tried, 6u);
  pass(std::chrono::hours(1));
  const auto later = world->applies("db");
  EXPECT_GT(later, tried + 8) << "still tried";
  EXPECT_LT(later, tried + 24) << "at the slow end";
  const auto events = engine->reports().events(10);
  EXPECT_EQ(events.back().reason(), "ImageRefused");
  EXPECT_EQ(events.back().type(), "Warning");
  EXPECT_EQ(events.size(), 1u);

  auto fixed = Spec{.name = "db", .generation = 2};
  ASSERT_TRUE(state({fixed}));
  settle();
  EXPECT_EQ(state_of("db"), "Ready") << "a change is tried at once";
  EXPECT_EQ(report("db").attempts(), 0u);
}

TEST_F(EngineTroubleTest, ARefusedTemplateStallsUntilItChanges) {
  ASSERT_TRUE(state({{.name = "db", .template_ = {{"invalid", "image: must not be empty"}}}}));
  pass(std::chrono::hours(2));
  EXPECT_EQ(world->applies("db"), 1u);
  EXPECT_EQ(state_of("db"), "Stalled");
  EXPECT_EQ(message_of("db"), "image: must not be empty");
  EXPECT_FALSE(report("db").has_next_attempt());
}

TEST_F(EngineTroubleTest, AWrongPlaceholderSaysWhatThereWouldBe) {
  auto bad = web();
  bad.template_["url"] = "${requires.db.hots}";
  ASSERT_TRUE(state({db(), bad}));
  EXPECT_EQ(state_of("web"), "Stalled");
  EXPECT_EQ(reason_of("web"), "InvalidTemplate");
  EXPECT_EQ(message_of("web"),
            "url: ${requires.db.hots}: dependency \"db\" has no output \"hots\"; it has: host, password");
  bad.template_["url"] = "${requires.database.host}";
  bad.generation = 2;
  ASSERT_TRUE(state({bad}));
  EXPECT_EQ(message_of("web"),
            "url: ${requires.database.host}: there is no dependency \"database\"; there is: db");
}

TEST_F(EngineTroubleTest, AnOutputThatCannotBeMadeSaysWhy) {
  ASSERT_TRUE(state({{.name = "db", .outputs = {{"host", "${self.address}"}}}}));
  EXPECT_EQ(state_of("db"), "Stalled");
  EXPECT_EQ(message_of("db"), "output host: ${self.address}: the provider does not tell it; it tells: name");
}

TEST_F(EngineTroubleTest, AnUnknownProviderIsNamed) {
  ASSERT_TRUE(state({{.name = "db", .provider = "aws"}}));
  EXPECT_EQ(state_of("db"), "Stalled");
  EXPECT_EQ(reason_of("db"), "ProviderMissing");
  EXPECT_EQ(message_of("db"), "this agent has no provider \"aws\"");
}

TEST_F(EngineTroubleTest, AStepThatBringsNothingAboutIsAFailedTry) {
  ASSERT_TRUE(state({{.name = "db"}}));
  noop().on_observe = [&](const ProviderResource& r) -> Result<> { return world->erase(r.owner, r.name); };
  pass(Millis(10'000));
  EXPECT_LT(world->applies("db"), 6u);
  EXPECT_EQ(message_of("db"), "does not exist although it was made");
}

TEST_F(EngineTroubleTest, AnEngineOfContainersThatIsAwayMakesNothingUnready) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  noop().on_observe = [](const ProviderResource&) -> Result<> {
    return fail(Code::kUnavailable, reasons::kHostUnavailable, "podman does not answer");
  };
  engine->wake("db");
  pass(Millis(200));
  const auto r = report("db");
  EXPECT_EQ(r.conditions(0).status(), "Unknown");
  EXPECT_EQ(r.conditions(0).reason(), "HostUnavailable");
  noop().on_observe = {};
  pass(Millis(5000));
  EXPECT_EQ(state_of("db"), "Ready");
  EXPECT_EQ(world->applies("db"), 1u);
}

TEST_F(EngineTroubleTest, NoSecretLeavesInAMessage) {
  ASSERT_TRUE(state({{.name = "db", .template_ = {{"fail", "login with ${generated.password} refused"}}}}));
  settle();
  EXPECT_EQ(message_of("db"), "login with *** refused");
}

TEST_F(EngineTroubleTest, ATemplateThatNeverWorkedDoesNotKeepItsTombstone) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  noop().on_observe = [](const ProviderResource&) -> Result<> {
    return fail(Code::kInvalid, "image: missing");
  };
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  settle();
  EXPECT_FALSE(exists("db"));
  EXPECT_TRUE(report("db").gone());
}

TEST_F(EngineTroubleTest, AStepThatDoesNotEndIsTold) {
  ASSERT_TRUE(state({{.name = "db"}}));
  engine->step();
  ASSERT_EQ(executor.waiting(), 1u);
  clock.advance(Millis(61'000));
  engine->step();
  clock.advance(Millis(20));
  engine->step();
  const auto r = engine->reports().report("db").value();
  EXPECT_EQ(r.conditions(0).status(), "Unknown");
  EXPECT_EQ(r.conditions(0).message(), "provider \"noop\" has not answered for 1 min");
  settle();
  EXPECT_EQ(state_of("db"), "Ready");
}

TEST_F(EngineTroubleTest, ACrashRightAfterARevivalForgetsItNot) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  pass(Millis(100));
  ASSERT_TRUE(report("db").gone());
  ASSERT_TRUE(state({{.name = "db", .generation = 3}}));
  restart();
  settle();
  EXPECT_TRUE(exists("db"));
  EXPECT_FALSE(report("db").gone());
}

TEST_F(EngineTroubleTest, AGoneTombstoneThatIsStatedAgainIsToldAgain) {
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  pass(Millis(100));
  const auto first = report("db");
  ASSERT_TRUE(engine->reports().confirm({{.name = "db", .version = first.version()}}));
  ASSERT_TRUE(state({{.name = "db", .generation = 3, .deleted = true}}));
  pass(Millis(100));
  const auto second = report("db");
  EXPECT_TRUE(second.gone());
  EXPECT_EQ(second.generation(), 3u);
  EXPECT_GT(second.version(), first.version());
  EXPECT_THAT(engine->reports().unconfirmed(), ElementsAre("db"));
}

}  // namespace
}  // namespace qleet::agent
