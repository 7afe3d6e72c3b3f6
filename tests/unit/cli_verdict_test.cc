// Whether what is waited for has come true, by a table.
#include <gtest/gtest.h>

#include "cli/patience.h"
#include "cli/verdict.h"

namespace qleet::cli {
namespace {

constexpr auto kOnTheWay = Progress::kOnTheWay;
constexpr auto kDone = Progress::kDone;
constexpr auto kWaits = Progress::kWaitsForPeople;
constexpr auto kFailed = Progress::kFailed;
constexpr auto kReplaced = Progress::kReplaced;

struct Told {
  std::string state;
  unsigned release = 0;
  unsigned candidate = 0;
  unsigned failed = 0;
  unsigned returned_from = 0;
  bool seen = true;
  std::string environment = "dev";
  unsigned current = 0;
};

v1::Tree tree_of(const std::vector<Told>& told) {
  v1::Tree tree;
  tree.set_application("shop");
  for (const auto& one : told) {
    auto& environment = *tree.add_environments();
    environment.set_environment(one.environment);
    environment.set_generation(7);
    environment.set_observed_generation(one.seen ? 7 : 6);
    environment.set_state(one.state);
    environment.set_release(one.release);
    environment.set_candidate(one.candidate);
    environment.set_failed_release(one.failed);
    environment.set_returned_from(one.returned_from);
    environment.set_current(one.current);
  }
  return tree;
}

struct Row {
  const char* name;
  Told told;
  unsigned goal;
  Progress progress;
};

class Verdicts : public testing::TestWithParam<Row> {};

TEST_P(Verdicts, AreGivenByTheRelease) {
  const auto& row = GetParam();
  EXPECT_EQ(progress_of(tree_of({row.told}), "", {{"shop", "dev", row.goal}}), row.progress);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Verdicts,
    testing::Values(
        Row{"Done", {.state = "Ready", .release = 5}, 5, kDone},
        Row{"OnTheWay", {.state = "RollingOut", .release = 5}, 5, kOnTheWay},
        Row{"TheStateOfTheOneBefore", {.state = "Stalled", .release = 5, .seen = false}, 5, kOnTheWay},
        Row{"ReadyWithTheOneBefore", {.state = "Ready", .release = 5, .seen = false}, 5, kOnTheWay},
        Row{"Stalled", {.state = "Stalled", .release = 5}, 5, kFailed},
        Row{"Blocked", {.state = "Blocked", .release = 5}, 5, kFailed},
        Row{"FailedAndStays", {.state = "Failed", .release = 5, .failed = 5}, 5, kFailed},
        Row{"FailedOnceReady", {.state = "Failed", .release = 5}, 5, kFailed},
        Row{"GoesBack",
            {.state = "Failed", .release = 4, .failed = 5, .returned_from = 5, .seen = false},
            5,
            kFailed},
        Row{"WentBack", {.state = "Returned", .release = 4, .failed = 5, .returned_from = 5}, 5, kFailed},
        // The one after it failed: that says nothing of this one.
        Row{"WhatWasGoneBackToServes", {.state = "Returned", .release = 4, .returned_from = 5}, 4, kDone},
        Row{"WhatIsGoneBackToIsOnItsWay",
            {.state = "Failed", .release = 4, .failed = 5, .returned_from = 5, .seen = false},
            4,
            kOnTheWay},
        Row{"WaitsForApproval", {.state = "Ready", .release = 4, .candidate = 5}, 5, kWaits},
        Row{"WaitsThoughTheOtherIsBroken", {.state = "Stalled", .release = 4, .candidate = 5}, 5, kWaits},
        Row{"WithACandidateOfSomebodyElse", {.state = "Ready", .release = 5, .candidate = 6}, 5, kDone},
        Row{"ANewerOneTookItsPlace", {.state = "Ready", .release = 6}, 5, kReplaced},
        Row{"ANewerOneThatFailed", {.state = "Failed", .release = 6, .failed = 6}, 5, kReplaced},
        Row{"ANewerOneThatStalls", {.state = "Stalled", .release = 6}, 5, kReplaced},
        Row{"ANewerOneThatWasGoneBackFrom",
            {.state = "Returned", .release = 4, .failed = 6, .returned_from = 6},
            5,
            kReplaced},
        Row{"ANewerOneWaitsInItsPlace", {.state = "Ready", .release = 4, .candidate = 6}, 5, kReplaced},
        Row{"ReadyBeforeTheNewerOne", {.state = "RollingOut", .release = 6, .current = 5}, 5, kDone},
        Row{"Deleting", {.state = "Deleting", .release = 5}, 5, kOnTheWay},
        Row{"WhateverIsWanted", {.state = "Ready", .release = 5}, 0, kDone},
        Row{"WhateverIsWantedWaits", {.state = "Ready", .release = 4, .candidate = 5}, 0, kWaits},
        Row{"WhateverIsWantedWentBack", {.state = "Returned", .release = 4, .returned_from = 5}, 0, kFailed},
        Row{"NothingRunsYet", {.state = "AwaitingApproval", .candidate = 1}, 1, kWaits}),
    [](const auto& info) { return info.param.name; });

TEST(Verdict, OnlyEnvironmentsWithAGoalCount) {
  const auto tree =
      tree_of({{.state = "Ready", .release = 5}, {.state = "Stalled", .release = 3, .environment = "prod"}});
  EXPECT_EQ(progress_of(tree, "", {{"shop", "dev", 5}}), kDone);
  EXPECT_EQ(progress_of(tree, "", {{"shop", "dev", 5}, {"shop", "prod", 3}}), kFailed);
  EXPECT_EQ(progress_of(tree, "", {{"other", "dev", 5}}), kFailed) << "without a goal all of them do";
  EXPECT_EQ(progress_of(tree, "dev"), kDone);
  EXPECT_EQ(progress_of(tree, "prod"), kFailed);
  EXPECT_EQ(progress_of(tree, "", {{"shop", "staging", 1}}), kOnTheWay);
}

TEST(Verdict, SaysByWhatItWasReplaced) {
  const auto tree = tree_of({{.state = "Failed", .release = 6, .failed = 6},
                             {.state = "Ready", .release = 3, .environment = "prod"}});
  const std::vector<Goal> goals = {{"shop", "dev", 5}, {"shop", "prod", 3}};
  EXPECT_EQ(progress_of(tree, "", goals), kReplaced);
  EXPECT_EQ(replacements(tree, "", goals),
            std::vector<std::string>{"shop: release 5 was replaced by release 6 in dev"});
  EXPECT_TRUE(replacements(tree, "prod", goals).empty());
  EXPECT_EQ(progress_of(tree, "prod", goals), kDone);
}

TEST(Verdict, AnEnvironmentThatIsLeftCountsOnlyWhereItIsAGoal) {
  auto tree = tree_of({{.state = "Ready", .release = 5}, {.state = "Deleting", .environment = "old"}});
  tree.mutable_environments(1)->set_deleted(true);
  EXPECT_EQ(progress_of(tree, ""), kDone);
}

TEST(Verdict, GoalsAreWhatTheHubAnswered) {
  v1::DeliveryAnswers answers;
  auto& answer = *answers.add_releases();
  answer.set_application("shop");
  answer.set_environment("dev");
  answer.set_release(5);
  const auto goals = goals_of(answers.releases());
  ASSERT_EQ(goals.size(), 1u);
  EXPECT_EQ(goals[0].application + goals[0].environment, "shopdev");
  EXPECT_EQ(goals[0].release, 5u);
}

v1::Tree tree_with(std::uint32_t release, std::uint32_t ready) {
  v1::Tree tree;
  tree.set_application("shop");
  auto& dev = *tree.add_environments();
  dev.set_environment("dev");
  dev.set_release(release);
  dev.set_ready(ready);
  return tree;
}
MonoTime minute(int n) { return MonoTime(std::chrono::minutes(n)); }

// Whoever does not say how long is told the hub's judgement, which comes after the environment's deadline.
TEST(Patience, LastsBeyondTheDeadlineOfTheRollout) {
  Patience patience(minute(0), {});
  EXPECT_GT(patience.ends(), minute(10));
  patience.learn("dev", std::chrono::minutes(2));
  EXPECT_GT(patience.ends(), minute(2));
  EXPECT_LT(patience.ends(), minute(10));
  patience.learn("prod", std::chrono::minutes(30));
  EXPECT_GT(patience.ends(), minute(30));
  EXPECT_TRUE(patience.knows("prod"));
}

TEST(Patience, BeginsAnewWithProgressAlone) {
  Patience patience(minute(0), {});
  patience.see(tree_with(3, 0), minute(1));
  const auto before = patience.ends();
  patience.see(tree_with(3, 1), minute(5));
  EXPECT_EQ(patience.ends(), before + std::chrono::minutes(4));
  // What is started again and again is none.
  patience.see(tree_with(3, 0), minute(6));
  patience.see(tree_with(3, 1), minute(7));
  EXPECT_EQ(patience.ends(), before + std::chrono::minutes(4));
  patience.see(tree_with(4, 0), minute(8));
  EXPECT_EQ(patience.ends(), before + std::chrono::minutes(7));
}

TEST(Patience, IsWhatSomebodySaid) {
  Patience patience(minute(0), std::chrono::minutes(1));
  patience.learn("dev", std::chrono::minutes(30));
  patience.see(tree_with(3, 1), minute(5));
  EXPECT_EQ(patience.ends(), minute(1));
}

TEST(Patience, ReadsDeadlinesAsEnvironmentsWriteThem) {
  EXPECT_EQ(deadline_named(""), kUsualDeadline);
  EXPECT_EQ(deadline_named("90s"), Millis(90'000));
  EXPECT_EQ(deadline_named("0"), std::nullopt);
  EXPECT_EQ(deadline_named("0s"), std::nullopt);
}

}  // namespace
}  // namespace qleet::cli
