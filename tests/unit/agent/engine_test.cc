#include "agent/engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

using testing::ElementsAre;

class EngineTest : public testing::Test, protected EngineFixture {};

TEST_F(EngineTest, MakesWhatIsWantedAndSaysSo) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  EXPECT_THAT(noop().calls, ElementsAre("observe db", "apply db", "observe db"));
  const auto r = report("db");
  EXPECT_EQ(r.state(), "Ready");
  EXPECT_EQ(r.generation(), 1u);
  EXPECT_EQ(r.hash(), "noop");
  ASSERT_EQ(r.conditions_size(), 1);
  EXPECT_EQ(r.conditions(0).type(), "Ready");
  EXPECT_EQ(r.conditions(0).status(), "True");
  EXPECT_EQ(r.conditions(0).reason(), "Available");
}

TEST_F(EngineTest, CountsOfReplicasAreToldAndStandUntilTheNextLook) {
  ASSERT_TRUE(state({{.name = "web", .numbers = {{"replicas", 3}, {"restarts", 2}}}}));
  settle();
  auto r = report("web");
  EXPECT_EQ(r.ready(), 3u);
  EXPECT_EQ(r.replicas(), 3u);
  EXPECT_EQ(r.restarts(), 2u);
  noop().on_observe = [](const ProviderResource&) -> Result<> { return fail(Code::kUnavailable, "away"); };
  ASSERT_TRUE(state({{.name = "web", .generation = 2}}));
  settle();
  EXPECT_EQ(report("web").replicas(), 3u);
  noop().on_observe = {};
  ASSERT_TRUE(state({{.name = "web", .generation = 3, .deleted = true}}));
  pass(Millis(5'000));
  settle();
  EXPECT_TRUE(report("web").gone());
  EXPECT_EQ(report("web").replicas(), 0u);
}

TEST_F(EngineTest, AStepIsShownWithItsBeginningAndReportedOnce) {
  const auto step_of = [](const wire::v1::ResourceReport& report) {
    for (const auto& condition : report.conditions())
      if (condition.type() == "Progressing") return condition;
    return qleet::v1::Condition{};
  };
  std::string message = "pulling image x";
  noop().on_look = [&](Observation& seen) {
    seen.state = Observation::State::kProgressing;
    seen.message = message;
    seen.recheck_after = Millis(1'000);
  };
  ASSERT_TRUE(state({{.name = "web"}}));
  settle();
  const auto first = report("web");
  EXPECT_EQ(step_of(first).message(), "pulling image x");
  pass(Millis(5'000));
  EXPECT_EQ(report("web").version(), first.version()) << "no second report of the same step";
  message = "waits for its probe";
  pass(Millis(2'000));
  const auto second = report("web");
  EXPECT_EQ(step_of(second).message(), "waits for its probe");
  EXPECT_GE(step_of(second).last_transition_time().seconds(),
            step_of(first).last_transition_time().seconds() + 5);
  noop().on_look = {};
  pass(Millis(2'000));
  EXPECT_EQ(report("web").state(), "Ready");
  EXPECT_EQ(step_of(report("web")).message(), "");
}

TEST_F(EngineTest, TheOutcomeOfALoneStepIsDurableAndShownAtOnce) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();  // no time passes
  ASSERT_TRUE(engine->reports().report("db"));
  EXPECT_EQ(engine->reports().report("db")->state(), "Ready");
  EXPECT_EQ(journal.load()->runtime.at("db").report().state(), "Ready");
  EXPECT_TRUE(engine->idle());
}

TEST_F(EngineTest, OutcomesThatComeWhileOthersAreUnderWayAreWrittenTogether) {
  std::vector<Spec> many;
  for (int i = 0; i < 10; ++i) many.push_back({.name = "n" + std::to_string(i)});
  many.push_back({.name = "slow"});
  ASSERT_TRUE(state(many));
  engine->step();
  executor.run_all();  // each was looked at
  engine->step();
  const auto before = journal.commits();
  const auto run_ten_at = [&](size_t index) {
    for (int i = 0; i < 10; ++i) {
      executor.run_at(index);
      engine->step();
    }
  };
  run_ten_at(0);  // made
  run_ten_at(1);  // behind "slow": looked at again
  ASSERT_EQ(executor.waiting(), 1u);
  EXPECT_EQ(journal.commits(), before) << "within the spacing";
  clock.advance(options.flush_spacing);
  engine->step();
  EXPECT_EQ(journal.commits(), before + 1);
  EXPECT_EQ(engine->reports().report("n9")->state(), "Ready");
}

TEST_F(EngineTest, DigestsAreToldWhereTheyAreAskedForAndNothingGoesOnBefore) {
  ASSERT_TRUE(state({{.name = "web", .resolve_images = "once"}}));
  settle();
  EXPECT_EQ(engine->reports().report("web")->state(), "Progressing");
  EXPECT_EQ(engine->reports().report("web")->images().at("web"), "reg/x:v1@once");
  EXPECT_FALSE(exists("web"));
  ASSERT_TRUE(state({{.name = "web", .generation = 2, .resolve_images = "again"}}));
  settle();
  EXPECT_EQ(engine->reports().report("web")->images().at("web"), "reg/x:v1@again");
  // Recorded, and a wish that this agent does not know: it runs.
  ASSERT_TRUE(state({{.name = "web", .generation = 3, .resolve_images = "as-nobody-knows"}}));
  settle();
  EXPECT_EQ(engine->reports().report("web")->state(), "Ready");
  EXPECT_TRUE(engine->reports().report("web")->images().empty());
  // What goes is not looked up.
  ASSERT_TRUE(state({{.name = "web", .generation = 4, .deleted = true, .resolve_images = "once"}}));
  settle();
  EXPECT_FALSE(exists("web"));
}

TEST_F(EngineTest, IntentIsDurableBeforeTheStep) {
  ASSERT_TRUE(state({{.name = "db"}}));
  engine->step();
  executor.run_all();  // observe
  engine->step();
  ASSERT_EQ(executor.waiting(), 1u) << "the apply step";
  EXPECT_FALSE(exists("db"));
  EXPECT_NE(journal.load()->runtime.at("db").intent_hash(), "");
  EXPECT_EQ(journal.load()->runtime.at("db").made_by(), "noop");
}

TEST_F(EngineTest, OutputsFlowToDependentsAndSecretsStayHere) {
  ASSERT_TRUE(state({web(), db()}));
  settle();
  const std::string url = noop().applied["web"].template_.fields().at("url").string_value();
  EXPECT_THAT(url, testing::MatchesRegex("postgres://:[A-Za-z0-9]+@db"));
  EXPECT_EQ(url.size(), std::string("postgres://:@db").size() + 32);
  EXPECT_EQ(noop().applied["web"].dependencies["db"]["host"], "db");
  EXPECT_LT(noop().at("apply db"), noop().at("observe web")) << "the workload waits for its database";

  const auto d = report("db");
  EXPECT_EQ(d.outputs().at("host"), "db");
  EXPECT_EQ(d.outputs().count("password"), 0u);
  EXPECT_THAT(d.secret_outputs(), ElementsAre("password"));
  const auto w = report("web");
  EXPECT_EQ(w.outputs().at("address"), "web");
  EXPECT_THAT(w.secret_outputs(), ElementsAre("dsn")) << "drawn from a secret, so a secret";
}

TEST_F(EngineTest, WaitsForADependencyAndSaysForWhich) {
  ASSERT_TRUE(state({web()}));
  EXPECT_EQ(state_of("web"), "Pending");
  EXPECT_EQ(message_of("web"), "waits for db (db): is not here yet");
  ASSERT_TRUE(state({{.name = "db", .template_ = {{"fail", "no disk"}, {"failReason", "LimitRefused"}}}}));
  settle();
  EXPECT_EQ(message_of("web"), "waits for db (db): LimitRefused: no disk");
  EXPECT_EQ(noop().count("observe web"), 0u);
}

TEST_F(EngineTest, IndependentOnesRunInParallelAndASlowOneHoldsUpNobody) {
  ASSERT_TRUE(state({{.name = "a"}, {.name = "b"}, {.name = "c", .needs = {{"b", "b"}}}}));
  engine->step();
  ASSERT_EQ(executor.waiting(), 2u) << "a and b are looked at at once";
  // a's step never ends.
  for (int i = 0; i < 20; ++i) {
    while (executor.waiting() > 1) executor.run_at(1);
    engine->step();
  }
  clock.advance(Millis(20));
  engine->step();
  EXPECT_EQ(engine->reports().report("b")->state(), "Ready");
  EXPECT_EQ(engine->reports().report("c")->state(), "Ready");
  EXPECT_NE(engine->reports().report("a")->state(), "Ready");
  EXPECT_EQ(executor.waiting(), 1u);
}

TEST_F(EngineTest, StepsOfOneProviderAreBounded) {
  std::vector<Spec> many;
  for (int i = 0; i < 40; ++i) many.push_back({.name = "n" + std::to_string(i)});
  ASSERT_TRUE(state(many));
  engine->step();
  EXPECT_EQ(executor.waiting(), options.max_steps_per_provider);
  settle();
  EXPECT_EQ(world->things().size(), 40u);
}

TEST_F(EngineTest, ARestartTouchesNothingThatIsAsWanted) {
  ASSERT_TRUE(state({web(), db(), {.name = "cache"}}));
  pass(Millis(100));
  const auto password = noop().applied["web"].template_.fields().at("url").string_value();
  restart();
  settle();
  EXPECT_EQ(noop().count("observe db"), 1u);
  EXPECT_EQ(noop().count("observe web"), 1u);
  EXPECT_EQ(noop().count("observe cache"), 1u);
  EXPECT_EQ(noop().calls.size(), 3u) << "looked at once, nothing else";
  EXPECT_EQ(state_of("web"), "Ready");
  EXPECT_EQ(world->applies("web"), 1u);
}

TEST_F(EngineTest, ASecretIsMadeOnceAndKeptUntilTheResourceIsGone) {
  ASSERT_TRUE(state({db(), web()}));
  settle();
  const auto first = noop().applied["web"].template_.fields().at("url").string_value();
  restart();
  auto changed = web();
  changed.template_["more"] = "x";
  changed.generation = 2;
  ASSERT_TRUE(state({changed}));
  settle();
  EXPECT_EQ(noop().applied["web"].template_.fields().at("url").string_value(), first);

  auto no_web = changed, no_db = db();
  no_web.deleted = no_db.deleted = true;
  no_web.generation = no_db.generation = 3;
  ASSERT_TRUE(state({no_web, no_db}));
  settle();
  EXPECT_TRUE(world->things().empty());
  auto again_db = db(), again_web = web();
  again_db.generation = again_web.generation = 4;
  ASSERT_TRUE(state({again_db, again_web}));
  settle();
  EXPECT_NE(noop().applied["web"].template_.fields().at("url").string_value(), first);
}

TEST_F(EngineTest, ChangedOutputsReachDependents) {
  auto source = Spec{.name = "db", .template_ = {{"x", "1"}}, .outputs = {{"version", "15"}}};
  auto user = Spec{.name = "web", .needs = {{"db", "db"}}, .template_ = {{"v", "${requires.db.version}"}}};
  ASSERT_TRUE(state({source, user}));
  settle();
  EXPECT_EQ(world->applies("web"), 1u);
  source.outputs["version"] = "16";
  source.generation = 2;
  ASSERT_TRUE(state({source}));
  settle();
  EXPECT_EQ(world->applies("db"), 1u) << "only its outputs changed";
  EXPECT_EQ(world->applies("web"), 2u);
  EXPECT_EQ(noop().applied["web"].template_.fields().at("v").string_value(), "16");
  EXPECT_EQ(state_of("web"), "Ready");
}

TEST_F(EngineTest, WhatRunsGoesOnWhileItsDependencyDoesNot) {
  ASSERT_TRUE(state({db(), web()}));
  settle();
  ASSERT_TRUE(world->meddle("eu-1", "db", [](noop::Thing& t) { t.degraded = true; }));
  pass(Millis(200));
  EXPECT_EQ(state_of("db"), "Degraded");
  EXPECT_EQ(state_of("web"), "Ready");
  ASSERT_TRUE(world->vanish("eu-1", "web"));
  pass(Millis(200));
  EXPECT_EQ(state_of("web"), "Ready") << "also repaired";
  auto changed = web();
  changed.generation = 2;
  changed.template_["more"] = "x";
  ASSERT_TRUE(state({changed}));
  EXPECT_EQ(message_of("web"), "runs as it was; its change waits for db (db): ProbeFailing");
  ASSERT_TRUE(world->meddle("eu-1", "db", [](noop::Thing& t) { t.degraded = false; }));
  pass(Millis(200));
  EXPECT_EQ(state_of("web"), "Ready");
  EXPECT_EQ(report("web").generation(), 2u);
}

TEST_F(EngineTest, ATombstoneWaitsForThoseThatUseIt) {
  ASSERT_TRUE(state({db(), web()}));
  settle();
  auto no_db = db();
  no_db.deleted = true;
  no_db.generation = 2;
  ASSERT_TRUE(state({no_db}));
  EXPECT_EQ(reason_of("db"), "WaitingForDependents");
  EXPECT_EQ(message_of("db"), "waits until it is no longer used by web");
  EXPECT_TRUE(exists("db"));
  EXPECT_EQ(state_of("web"), "Ready");

  auto no_web = web();
  no_web.deleted = true;
  no_web.generation = 2;
  ASSERT_TRUE(state({no_web}));
  settle();
  EXPECT_TRUE(world->things().empty());
  EXPECT_LT(noop().at("remove web"), noop().at("remove db"));
  EXPECT_TRUE(report("db").gone());
  EXPECT_TRUE(report("web").gone());
}

TEST_F(EngineTest, ATombstoneWaitsUntilAnOldUserHasReallyChanged) {
  ASSERT_TRUE(state({db(), web()}));
  settle();
  auto without = Spec{.name = "web", .template_ = {{"fail", "cannot"}}, .generation = 2};
  auto no_db = db();
  no_db.deleted = true;
  no_db.generation = 2;
  ASSERT_TRUE(state({without, no_db}));
  pass(Millis(3000));
  EXPECT_TRUE(exists("db")) << "the old web still runs with it";
  without.template_.clear();
  without.generation = 3;
  ASSERT_TRUE(state({without}));
  pass(Millis(100));
  EXPECT_FALSE(exists("db"));
  EXPECT_EQ(state_of("web"), "Ready");
}

TEST_F(EngineTest, AnUnknownTombstoneIsLookedForAndGone) {
  ASSERT_TRUE(state({{.name = "db", .generation = 4, .deleted = true}}));
  pass(Millis(100));
  EXPECT_EQ(noop().count("observe db"), 1u);
  EXPECT_EQ(noop().calls.size(), 1u) << "nothing was there";
  const auto r = report("db");
  EXPECT_TRUE(r.gone());
  EXPECT_EQ(r.generation(), 4u);
}

TEST_F(EngineTest, WhatTheHubDoesNotMentionStays) {
  ASSERT_TRUE(state({{.name = "a"}, {.name = "b"}}));
  settle();
  ASSERT_TRUE(state({}, "e2"));
  restart();
  ASSERT_TRUE(state({}, "e3"));
  ASSERT_TRUE(
      engine->apply_desired({.epoch = "e3", .position = 9, .put = {}, .disown = {"a"}, .forget = {"b"}}));
  pass(std::chrono::hours(1));
  EXPECT_EQ(world->things().size(), 2u);
  EXPECT_EQ(state_of("b"), "Ready");
  const auto holding = engine->holding();
  EXPECT_EQ(holding.epoch, "e3");
  ASSERT_EQ(holding.resources.size(), 2u) << "only what is gone can be forgotten";
  EXPECT_EQ(holding.resources[0].epoch, "");
  EXPECT_EQ(holding.resources[1].epoch, "e1");
}

TEST_F(EngineTest, AConfirmedTombstoneIsForgottenWhenTheSessionSaysSo) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  pass(Millis(100));
  const auto r = report("db");
  ASSERT_TRUE(r.gone());
  ASSERT_TRUE(engine->reports().confirm({{.name = "db", .version = r.version()}}));
  ASSERT_TRUE(forget({"db"}));
  pass(Millis(100));
  EXPECT_TRUE(engine->holding().resources.empty());
  EXPECT_FALSE(engine->reports().report("db"));
  EXPECT_TRUE(journal.load()->desired.empty());
  EXPECT_TRUE(journal.load()->runtime.empty());
}

TEST_F(EngineTest, ATombstoneCanBeRevived) {
  ASSERT_TRUE(state({{.name = "db", .numbers = {{"removeDelayMs", 5000}}}}));
  settle();
  ASSERT_TRUE(
      state({{.name = "db", .numbers = {{"removeDelayMs", 5000}}, .generation = 2, .deleted = true}}));
  pass(Millis(1000));
  EXPECT_EQ(state_of("db"), "Deleting");
  ASSERT_TRUE(state({{.name = "db", .numbers = {{"removeDelayMs", 5000}}, .generation = 3}}));
  pass(Millis(60'000));
  EXPECT_EQ(state_of("db"), "Ready");
  EXPECT_FALSE(report("db").gone());
  EXPECT_TRUE(exists("db"));
}

TEST_F(EngineTest, ARevivalAfterTheEndMakesItAnew) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  pass(Millis(100));
  const auto gone = report("db");
  ASSERT_TRUE(gone.gone());
  ASSERT_TRUE(state({{.name = "db", .generation = 3}}));
  pass(Millis(100));
  const auto back = report("db");
  EXPECT_EQ(back.state(), "Ready");
  EXPECT_FALSE(back.gone());
  EXPECT_GT(back.version(), gone.version());
  ASSERT_TRUE(forget({"db"}));
  settle();
  EXPECT_TRUE(exists("db")) << "a late forget of the old tombstone does nothing";
}

TEST_F(EngineTest, AnotherProviderTakesOverAfterTheOldOneHasRemovedItsOwn) {
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  ASSERT_TRUE(state({{.name = "db", .provider = "other", .generation = 2}}));
  settle();
  EXPECT_EQ(noop().calls.back(), "observe db");
  EXPECT_EQ(noop().count("remove db"), 1u);
  EXPECT_EQ(providers["other"]->count("apply db"), 1u);
  EXPECT_EQ(state_of("db"), "Ready");
}

TEST_F(EngineTest, ReportsAreUnconfirmedUntilTheHubHasThem) {
  ASSERT_TRUE(state({{.name = "db"}}));
  pass(Millis(100));
  EXPECT_THAT(engine->reports().unconfirmed(), ElementsAre("db"));
  restart();
  EXPECT_THAT(engine->reports().unconfirmed(), ElementsAre("db")) << "also over a crash";
  pass(Millis(100));
  const auto version = report("db").version();
  ASSERT_TRUE(engine->reports().confirm({{.name = "db", .version = version - 1}}));
  EXPECT_THAT(engine->reports().unconfirmed(), ElementsAre("db")) << "an older one was confirmed";
  ASSERT_TRUE(engine->reports().confirm({{.name = "db", .version = version}}));
  EXPECT_TRUE(engine->reports().unconfirmed().empty());
  pass(Millis(100));
  restart();
  pass(Millis(100));
  EXPECT_TRUE(engine->reports().unconfirmed().empty()) << "nothing new to say";
  EXPECT_EQ(report("db").version(), version);
  ASSERT_TRUE(engine->reports().unconfirm_all());
  EXPECT_THAT(engine->reports().unconfirmed(), ElementsAre("db"));
}

TEST_F(EngineTest, WhatAnotherHubStatesIsReportedToItEvenIfNothingDiffers) {
  ASSERT_TRUE(state({{.name = "a"}}));
  pass(Millis(100));
  const auto confirm_all = [&] {
    for (const auto& name : engine->reports().unconfirmed())
      ASSERT_TRUE(engine->reports().confirm({{name, engine->reports().report(name)->version()}}));
  };
  confirm_all();
  pass(Millis(100));
  ASSERT_TRUE(engine->reports().unconfirmed().empty());

  auto stated = resource({.name = "a"});
  stated.set_uid("another-object");
  ASSERT_TRUE(
      engine->apply_desired({.epoch = "e2", .position = 1, .put = {stated}, .disown = {}, .forget = {}}));
  pass(Millis(100));
  EXPECT_EQ(engine->reports().unconfirmed(), std::vector<std::string>{"a"});
  EXPECT_EQ(engine->reports().report("a")->state(), "Ready");
  confirm_all();
  ASSERT_TRUE(
      engine->apply_desired({.epoch = "e3", .position = 2, .put = {stated}, .disown = {}, .forget = {}}));
  pass(Millis(100));
  EXPECT_EQ(engine->reports().unconfirmed(), std::vector<std::string>{"a"});
}

TEST_F(EngineTest, EventsAreUniqueBoundedAndSurviveACrash) {
  options.max_events = 3;
  restart();
  std::vector<Spec> many;
  for (int i = 0; i < 5; ++i) many.push_back({.name = "n" + std::to_string(i)});
  ASSERT_TRUE(state(many));
  pass(Millis(100));
  auto events = engine->reports().events(10);
  ASSERT_EQ(events.size(), 3u);
  ASSERT_TRUE(engine->reports().confirm_events({events[0].id()}));
  pass(Millis(100));
  restart();
  auto after = engine->reports().events(10);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].id(), events[1].id());
  ASSERT_TRUE(state({{.name = "n0", .template_ = {{"x", "1"}}, .generation = 2}}));
  pass(Millis(100));
  std::set<std::string> ids;
  for (const auto& e : engine->reports().events(10)) {
    ids.insert(e.id());
    EXPECT_EQ(e.id().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos)
        << e.id() << ": the hub makes an object's name of it";
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_F(EngineTest, ARestingEngineDoesNothing) {
  ASSERT_TRUE(state({db(), web()}));
  pass(Millis(1000));
  const auto calls = noop().calls.size();
  const auto commits = journal.commits();
  EXPECT_TRUE(engine->idle());
  EXPECT_GT(settle(), clock.mono() + std::chrono::minutes(7)) << "next due: the safety look";
  pass(std::chrono::minutes(7));
  EXPECT_EQ(noop().calls.size(), calls);
  EXPECT_EQ(journal.commits(), commits);
  pass(std::chrono::minutes(6));
  EXPECT_EQ(noop().calls.size(), calls + 2) << "each looked at once";
  EXPECT_EQ(journal.commits(), commits);
}

TEST_F(EngineTest, WithoutAWatchItLooksMoreOften) {
  providers["noop"] =
      std::make_shared<RecordingProvider>(std::make_shared<noop::NoopProvider>(clock, world), false);
  restart();
  ASSERT_TRUE(state({{.name = "db"}}));
  pass(Millis(1000));
  (void)world->vanish("eu-1", "db");
  pass(Millis(40'000));
  EXPECT_TRUE(exists("db"));
}

TEST_F(EngineTest, AStormOfEventsIsOneLookNow) {
  ASSERT_TRUE(state({{.name = "db"}}));
  pass(Millis(1000));
  const auto before = noop().count("observe db");
  for (int i = 0; i < 1000; ++i) engine->wake("db");
  settle();
  for (int i = 0; i < 1000; ++i) engine->wake("db");
  pass(Millis(60));
  EXPECT_LE(noop().count("observe db"), before + 3);
  EXPECT_GE(noop().count("observe db"), before + 2);
}

TEST_F(EngineTest, SlowThingsAreAwaitedAndTheirProgressIsShown) {
  ASSERT_TRUE(state({{.name = "db", .numbers = {{"delayMs", 1'200'000}, {"steps", 3}}}}));
  pass(Millis(10'000));
  EXPECT_EQ(state_of("db"), "Progressing");
  EXPECT_EQ(reason_of("db"), "Creating");
  EXPECT_EQ(world->applies("db"), 3u);
  pass(Millis(1'200'000));
  EXPECT_EQ(state_of("db"), "Ready");
  EXPECT_EQ(world->applies("db"), 3u);
}

TEST_F(EngineTest, AChangeWhileAStepRunsIsNotLost) {
  ASSERT_TRUE(state({{.name = "db", .template_ = {{"v", "1"}}}}));
  engine->step();
  executor.run_all();
  engine->step();
  ASSERT_EQ(executor.waiting(), 1u) << "apply of v1 runs";
  ASSERT_TRUE(state({{.name = "db", .template_ = {{"v", "2"}}, .generation = 2}}));
  settle();
  EXPECT_EQ(noop().applied["db"].template_.fields().at("v").string_value(), "2");
  EXPECT_EQ(report("db").generation(), 2u);
  EXPECT_EQ(state_of("db"), "Ready");
}

TEST_F(EngineTest, ADeleteWhileAStepRunsLeavesNothing) {
  ASSERT_TRUE(state({{.name = "db"}}));
  engine->step();
  executor.run_all();
  engine->step();
  ASSERT_TRUE(state({{.name = "db", .generation = 2, .deleted = true}}));
  settle();
  EXPECT_FALSE(exists("db"));
  EXPECT_TRUE(report("db").gone());
}

TEST_F(EngineTest, LogsAreFoundThroughTheProvider) {
  EXPECT_FALSE(engine->handle("db"));
  ASSERT_TRUE(state({{.name = "db"}}));
  settle();
  const auto handle = engine->handle("db");
  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->provider->name(), "noop");
  EXPECT_EQ(handle->resource.name, "db");
}

}  // namespace
}  // namespace qleet::agent
