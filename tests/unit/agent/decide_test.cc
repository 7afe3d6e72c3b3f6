#include "agent/engine/decide.h"

#include <gtest/gtest.h>

#include <functional>

namespace qleet::agent {
namespace {

using State = Observation::State;

Observation seen(State state, std::string reason = "", std::string message = "") {
  Observation o;
  o.state = state;
  o.reason = std::move(reason);
  o.message = std::move(message);
  return o;
}

const Observation kAbsent = seen(State::kAbsent);
const Observation kProgressing = seen(State::kProgressing, "", "pulling image 40%");
const Observation kReady = seen(State::kReady);
const Observation kOutOfDate = seen(State::kOutOfDate, "", "label differs");
const Observation kDegraded = seen(State::kDegraded, "ProbeFailing", "GET /healthz: 500");

Observation in_vain(State state) {
  Observation out = seen(state, "Exited", "ended with code 3");
  out.stalled = true;
  return out;
}

struct Row {
  const char* name;
  std::function<void(Situation&)> given;
  Act act;
  std::string_view state;
  const char* reason;
  const char* message;
};

class DecideTest : public testing::TestWithParam<Row> {};

TEST_P(DecideTest, Decides) {
  Situation s;
  s.provider = "noop";
  s.target = "h1";
  s.now = MonoTime(Millis(1000));
  GetParam().given(s);
  const Decision d = decide(s);
  EXPECT_EQ(d.act, GetParam().act);
  EXPECT_EQ(d.state, GetParam().state);
  EXPECT_EQ(d.reason, GetParam().reason);
  EXPECT_EQ(d.message, GetParam().message);
  EXPECT_EQ(d.status == "True", d.act == Act::kDone) << "ready means done, and nothing else";
}

void running(Situation& s) {
  s.touched = true;
  s.applied = "h1";
}
void begun(Situation& s) {
  s.touched = true;
  s.intent = "h1";
}
void tried(Situation& s, unsigned tries, Code code = Code::kUnavailable) {
  s.tries = tries;
  s.error = Error{code, "registry said 401", {}, "ImageMissing"};
  s.terminal = code == Code::kInvalid;
  s.not_before = MonoTime(Millis(5000));
}
void blocked(Situation& s) { s.blockers = {{"db", "eu.dev.shop.postgres.db", "Creating"}}; }
void tombstone(Situation& s) {
  s.tombstone = true;
  s.touched = true;
}
void moved(Situation& s) {
  running(s);
  s.applied = "h0";
  s.moved = true;
  s.provider = "old";
  s.successor = "new";
}

constexpr const char* kWaits = "waits for db (eu.dev.shop.postgres.db): Creating";

INSTANTIATE_TEST_SUITE_P(
    Live, DecideTest,
    testing::ValuesIn(std::vector<Row>{
        {"FreshIsLookedAt", [](Situation&) {}, Act::kObserve, "", "", ""},
        {"AbsentIsMade", [](Situation& s) { s.seen = &kAbsent; }, Act::kApply, "Progressing", "Creating", ""},
        {"ReadyIsAdopted", [](Situation& s) { s.seen = &kReady; }, Act::kDone, "Ready", "Available", ""},
        {"ReadyIsDone", [](Situation& s) { running(s), s.seen = &kReady; }, Act::kDone, "Ready", "Available",
         ""},
        {"ChangedIsUpdated", [](Situation& s) { running(s), s.applied = "h0", s.seen = &kOutOfDate; },
         Act::kApply, "Progressing", "Updating", "label differs"},
        {"OfAChainTheLastCauseIsNamedOnce",
         [](Situation& s) {
           s.blockers = {{"cache", "eu.dev.-.redis.default", "runtime (eu.-.-.host): pulling", true},
                         {"db", "eu.dev.shop.postgres.db", "runtime (eu.-.-.host): pulling", true}};
         },
         Act::kWait, "Pending", "WaitingForDependency", "waits for runtime (eu.-.-.host): pulling"},
        {"WhatIsTriedInVainIsStalledWhileItWaits",
         [](Situation& s) {
           static const Observation vain = in_vain(State::kProgressing);
           running(s), s.applied = "h0", s.seen = &vain;
         },
         Act::kWait, "Stalled", "Exited", "ended with code 3"},
        {"AndWhileItIsTriedAgain",
         [](Situation& s) {
           static const Observation vain = in_vain(State::kOutOfDate);
           running(s), s.seen = &vain;
         },
         Act::kApply, "Stalled", "Exited", "ended with code 3"},
        {"AlsoWhereItIsAsWanted",
         [](Situation& s) {
           static const Observation vain = in_vain(State::kDegraded);
           running(s), s.seen = &vain;
         },
         Act::kWait, "Stalled", "Exited", "ended with code 3"},
        {"DriftIsRepaired", [](Situation& s) { running(s), s.seen = &kOutOfDate; }, Act::kApply, "Degraded",
         "Updating", "label differs"},
        {"VanishedIsMadeAgain", [](Situation& s) { running(s), s.seen = &kAbsent; }, Act::kApply, "Degraded",
         "Updating", ""},
        {"VanishedDataIsNotMadeAgain",
         [](Situation& s) { running(s), s.keeps_data = s.holds_data = true, s.seen = &kAbsent; }, Act::kWait,
         "Stalled", "DataLost",
         "what held its data is not there any more, and nothing is made in its place: put it back from a "
         "backup, "
         "or delete this resource"},
        {"NorWhileItIsChanged",
         [](Situation& s) {
           running(s), s.keeps_data = s.holds_data = true, s.applied = "h0", s.intent = "h1",
                       s.carried_out = true, s.seen = &kAbsent;
         },
         Act::kWait, "Stalled", "DataLost",
         "what held its data is not there any more, and nothing is made in its place: put it back from a "
         "backup, "
         "or delete this resource"},
        {"ItsProviderSaysThatDataIsLost",
         [](Situation& s) {
           static const Observation lost = seen(State::kOutOfDate, "DataLost", "volume v is gone");
           running(s), s.keeps_data = true, s.seen = &lost;
         },
         Act::kWait, "Stalled", "DataLost", "volume v is gone"},
        {"AlsoWhereTheJournalIsLost",
         [](Situation& s) {
           static const Observation lost = seen(State::kOutOfDate, "DataLost", "volume v is gone");
           s.keeps_data = true, s.seen = &lost;
         },
         Act::kWait, "Stalled", "DataLost", "volume v is gone"},
        {"ACacheIsMadeAgain",
         [](Situation& s) {
           static const Observation lost = seen(State::kOutOfDate, "DataLost", "volume v is gone");
           running(s), s.seen = &lost;
         },
         Act::kApply, "Degraded", "Updating", "volume v is gone"},
        {"DataThatWasNeverThereIsMade",
         [](Situation& s) {
           static const Observation lost = seen(State::kOutOfDate, "DataLost", "volume v is gone");
           begun(s), s.keeps_data = s.holds_data = true, s.seen = &lost;
         },
         Act::kApply, "Progressing", "Creating", "volume v is gone"},
        {"LostSecretsAreToldBeforeNewOnesAreUsed",
         [](Situation& s) { s.secrets_lost = true, s.seen = &kOutOfDate; }, Act::kApply, "Progressing",
         "SecretsLost",
         "is there, but this journal does not hold the secrets that it was made with: it is brought to new "
         "ones"},
        {"OnItsWayIsAwaited", [](Situation& s) { begun(s), s.carried_out = true, s.seen = &kProgressing; },
         Act::kWait, "Progressing", "Creating", "pulling image 40%"},
        {"WhatACrashLeftHalfWayIsContinued", [](Situation& s) { begun(s), s.seen = &kProgressing; },
         Act::kApply, "Progressing", "Creating", "pulling image 40%"},
        {"ProgressWithoutIntentIsAwaited", [](Situation& s) { running(s), s.seen = &kProgressing; },
         Act::kWait, "Progressing", "Updating", "pulling image 40%"},
        {"DegradedIsShown", [](Situation& s) { running(s), s.seen = &kDegraded; }, Act::kWait, "Degraded",
         "ProbeFailing", "GET /healthz: 500"},
        {"CarriedOutButAbsentIsAFailedTry",
         [](Situation& s) { begun(s), s.carried_out = true, s.seen = &kAbsent; }, Act::kFail, "Progressing",
         "ProviderError", "does not exist although it was made"},
        {"CarriedOutButOutOfDateIsAFailedTry",
         [](Situation& s) { begun(s), s.carried_out = true, s.seen = &kOutOfDate; }, Act::kFail,
         "Progressing", "ProviderError", "label differs"},
        {"AStepsWordsAreShown",
         [](Situation& s) {
           static const Observation quiet = seen(State::kProgressing);
           begun(s), s.carried_out = true, s.progress = "starting", s.seen = &quiet;
         },
         Act::kWait, "Progressing", "Creating", "starting"},
        {"UnknownProvider", [](Situation& s) { s.provider_known = false; }, Act::kWait, "Stalled",
         "ProviderMissing", "this agent has no provider \"noop\""},
        {"InvalidTemplate",
         [](Situation& s) { s.target = "", s.invalid = Error{Code::kInvalid, "${self.x}: what", {}}; },
         Act::kWait, "Stalled", "InvalidTemplate", "${self.x}: what"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Dependencies, DecideTest,
    testing::ValuesIn(std::vector<Row>{
        {"CreationWaits", [](Situation& s) { blocked(s), s.target = ""; }, Act::kWait, "Pending",
         "WaitingForDependency", kWaits},
        {"ChangeWaits", [](Situation& s) { running(s), blocked(s), s.applied = "h0", s.seen = &kOutOfDate; },
         Act::kWait, "Progressing", "WaitingForDependency",
         "runs as it was; its change waits for db (eu.dev.shop.postgres.db): Creating"},
        {"WhatRunsStaysReady", [](Situation& s) { running(s), blocked(s), s.seen = &kReady; }, Act::kDone,
         "Ready", "Available", ""},
        {"WhatRunsIsStillRepaired", [](Situation& s) { running(s), blocked(s), s.seen = &kOutOfDate; },
         Act::kApply, "Degraded", "Updating", "label differs"},
        {"WhatBeganIsFinished", [](Situation& s) { begun(s), blocked(s), s.seen = &kAbsent; }, Act::kApply,
         "Progressing", "Creating", ""},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Failures, DecideTest,
    testing::ValuesIn(std::vector<Row>{
        {"WaitsBetweenTries", [](Situation& s) { begun(s), tried(s, 2); }, Act::kWait, "Progressing",
         "ImageMissing", "registry said 401"},
        {"TriesAgainWhenDue", [](Situation& s) { begun(s), tried(s, 2), s.now = s.not_before; },
         Act::kObserve, "", "", ""},
        {"KeepsShowingTheFailureWhileItTries",
         [](Situation& s) { begun(s), tried(s, 2), s.now = s.not_before, s.seen = &kAbsent; }, Act::kApply,
         "", "", ""},
        {"StallsAfterFive", [](Situation& s) { begun(s), tried(s, 5); }, Act::kWait, "Stalled",
         "ImageMissing", "registry said 401"},
        {"StalledIsStillTried", [](Situation& s) { begun(s), tried(s, 9), s.now = s.not_before; },
         Act::kObserve, "", "", ""},
        {"InvalidStallsAtOnce",
         [](Situation& s) { begun(s), tried(s, 1, Code::kInvalid), s.now = MonoTime(Millis(9'000'000)); },
         Act::kWait, "Stalled", "ImageMissing", "registry said 401"},
        {"ARunningOneThatCannotBeSeenIsDegraded", [](Situation& s) { running(s), tried(s, 1); }, Act::kWait,
         "Degraded", "ImageMissing", "registry said 401"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Tombstones, DecideTest,
    testing::ValuesIn(std::vector<Row>{
        {"NeverTouchedByAProviderThatIsNotHereIsGone",
         [](Situation& s) { s.tombstone = true, s.provider_known = false; }, Act::kGone, "", "", ""},
        {"NeverTouchedIsLookedFor", [](Situation& s) { s.tombstone = true; }, Act::kObserve, "", "", ""},
        {"NeverTouchedAndAbsentIsGone", [](Situation& s) { s.tombstone = true, s.seen = &kAbsent; },
         Act::kGone, "", "", ""},
        {"NeverTouchedAndNotForItsProviderIsGone",
         [](Situation& s) {
           s.tombstone = true, s.terminal = true, s.error = Error{Code::kInvalid, "image: is missing", {}};
         },
         Act::kGone, "", "", ""},
        {"WhatALostJournalMadeIsRemoved", [](Situation& s) { s.tombstone = true, s.seen = &kReady; },
         Act::kRemove, "Deleting", "Deleting", ""},
        {"WaitsForItsUsers", [](Situation& s) { tombstone(s), s.dependents = {"web", "worker"}; }, Act::kWait,
         "Deleting", "WaitingForDependents", "waits until it is no longer used by web, worker"},
        {"IsLookedAtFirst", tombstone, Act::kObserve, "", "", ""},
        {"IsRemoved", [](Situation& s) { tombstone(s), s.seen = &kReady; }, Act::kRemove, "Deleting",
         "Deleting", ""},
        {"OutOfDateIsRemoved", [](Situation& s) { tombstone(s), s.seen = &kOutOfDate; }, Act::kRemove,
         "Deleting", "Deleting", "label differs"},
        {"AbsentIsGone", [](Situation& s) { tombstone(s), s.seen = &kAbsent; }, Act::kGone, "", "", ""},
        {"RemovalUnderWayIsAwaited",
         [](Situation& s) { tombstone(s), s.carried_out = true, s.seen = &kProgressing; }, Act::kWait,
         "Deleting", "Deleting", "pulling image 40%"},
        {"RemovedButThereIsAFailedTry",
         [](Situation& s) { tombstone(s), s.carried_out = true, s.seen = &kReady; }, Act::kFail,
         "Progressing", "ProviderError", "still there after its removal was carried out"},
        {"FailingRemovalWaits", [](Situation& s) { tombstone(s), tried(s, 1); }, Act::kWait, "Deleting",
         "ImageMissing", "registry said 401"},
        {"FailingRemovalStalls", [](Situation& s) { tombstone(s), tried(s, 5); }, Act::kWait, "Stalled",
         "ImageMissing", "registry said 401"},
        {"NobodyCanRemoveIt", [](Situation& s) { tombstone(s), s.provider_known = false; }, Act::kWait,
         "Stalled", "ProviderMissing", "this agent has no provider \"noop\""},
        {"BlockersDoNotMatter", [](Situation& s) { tombstone(s), blocked(s), s.seen = &kReady; },
         Act::kRemove, "Deleting", "Deleting", ""},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Moves, DecideTest,
    testing::ValuesIn(std::vector<Row>{
        {"TheOldOneIsLookedAt", moved, Act::kObserve, "", "", ""},
        {"TheOldOneGoesFirst", [](Situation& s) { moved(s), s.seen = &kReady; }, Act::kRemove, "Progressing",
         "Updating", ""},
        {"ThenTheNewOneMayBegin", [](Situation& s) { moved(s), s.seen = &kAbsent; }, Act::kMoved, "", "", ""},
        {"NothingGoesForAProviderThatIsMissing",
         [](Situation& s) { moved(s), s.seen = &kReady, s.successor_known = false; }, Act::kWait, "Stalled",
         "ProviderMissing", "this agent has no provider \"new\""},
        {"NothingGoesWhileADependencyIsMissing", [](Situation& s) { moved(s), blocked(s), s.seen = &kReady; },
         Act::kWait, "Progressing", "WaitingForDependency",
         "runs as it was; its change waits for db (eu.dev.shop.postgres.db): Creating"},
        {"NothingGoesForAnInvalidTemplate",
         [](Situation& s) { moved(s), s.target = "", s.invalid = Error{Code::kInvalid, "bad", {}}; },
         Act::kWait, "Stalled", "InvalidTemplate", "bad"},
    }),
    [](const auto& info) { return info.param.name; });

TEST(DecideDriftTest, OnlyWhatWasRightAndChangedByItselfIsDrift) {
  Situation s;
  s.target = "h1";
  s.seen = &kOutOfDate;
  s.touched = true;
  s.applied = "h1";
  EXPECT_TRUE(decide(s).drift);
  s.intent = "h1";
  EXPECT_FALSE(decide(s).drift) << "a step was begun for it: we may have done that";
  s.intent = "";
  s.applied = "h0";
  EXPECT_FALSE(decide(s).drift) << "it is to become something else";
}

TEST(DecideStatusTest, WhatRunsAndCannotBeSeenIsUnknown) {
  Situation s;
  s.target = "h1";
  running(s);
  tried(s, 1);
  EXPECT_EQ(decide(s).status, "Unknown");
  s.applied = "";
  EXPECT_EQ(decide(s).status, "False");
}

}  // namespace
}  // namespace qleet::agent
