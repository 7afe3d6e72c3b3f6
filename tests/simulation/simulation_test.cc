// Histories of the whole chain in one process, some hundred of them; that each replays from its seed; and
// that each rule's check can fail.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/log/log.h"
#include "tests/simulation/allocator.h"
#include "tests/simulation/history.h"
#include "tests/simulation/jobs.h"
#include "tests/simulation/silence.h"

namespace qleet::sim {
namespace {

#ifdef NDEBUG
constexpr std::uint64_t kDefaultHistories = 500;
#else
constexpr std::uint64_t kDefaultHistories = 60;
#endif

std::string text(const Outcome& outcome) {
  std::string all;
  for (const auto& finding : outcome.findings)
    all += fmt::format("\n  {}: {}", name_of(finding.rule), finding.what);
  return all;
}

class Simulation : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { keep_freed_memory(); }
  Simulation() { log::set_level(kSilent); }
  ~Simulation() override { log::set_level(log::Level::kInfo); }
};

// QLEET_HISTORIES says how many; the binary `simulation` plays any seeds.
TEST_F(Simulation, NoHistoryBreaksARule) {
  const char* count = std::getenv("QLEET_HISTORIES");
  const std::uint64_t histories = count ? std::strtoull(count, nullptr, 10) : kDefaultHistories;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const auto outcome = play({.seed = seed});
    ASSERT_TRUE(outcome.findings.empty())
        << text(outcome) << "\nagain: bin/simulation --seed " << seed << " --trace";
  }
}

TEST_F(Simulation, AHistoryReplaysFromItsSeed) {
  for (std::uint64_t seed = 1'000'001; seed <= 1'000'010; ++seed) {
    const auto first = play({.seed = seed});
    const auto again = play({.seed = seed});
    EXPECT_EQ(first.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.operations, again.operations);
    EXPECT_EQ(first.simulated, again.simulated);
  }
}

// As one process does, with the findings of each whole.
TEST_F(Simulation, SeveralProcessesPlayTheSame) {
  JobsOptions options{.first = 1'000'001, .last = 1'000'006};
  const auto silent = [](const auto&) {};
  const auto alone = play_all(options, silent, silent);
  options.jobs = 3;
  const auto together = play_all(options, silent, silent);
  EXPECT_EQ(alone.played, 6U);
  EXPECT_EQ(together.played, 6U);
  EXPECT_EQ(alone.hash, together.hash);
  EXPECT_EQ(alone.operations, together.operations);
  EXPECT_EQ(together.failed, 0U);
}

TEST_F(Simulation, SeveralProcessesTellWhatTheyFind) {
  JobsOptions options{.first = 1, .last = 40, .jobs = 2, .go_on = true, .sabotage = Sabotage::kTrampling};
  std::vector<std::string> told;
  const auto tell = [&](const std::string& text) { told.push_back(text); };
  const auto silent = [](const Tally&) {};
  const auto all = play_all(options, tell, silent);
  EXPECT_EQ(all.played, 40U);
  EXPECT_GT(all.failed, 1U);
  ASSERT_EQ(told.size(), all.failed);
  for (const auto& text : told) {
    EXPECT_TRUE(text.starts_with("seed ")) << text;
    EXPECT_TRUE(text.ends_with(" --trace\n")) << text;
  }
  // Without `go_on` the first ends all.
  options.go_on = false;
  told.clear();
  const auto some = play_all(options, tell, silent);
  EXPECT_EQ(some.failed, 1U);
  EXPECT_EQ(told.size(), 1U);
}

struct Broken {
  Sabotage sabotage;
  Rule rule;
};

class Saboteur : public Simulation, public ::testing::WithParamInterface<Broken> {};

// Not every history can show it: what is sabotaged must come to pass.
TEST_P(Saboteur, IsFoundOut) {
  std::string others;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto outcome = play({.seed = seed, .sabotage = GetParam().sabotage});
    const bool found =
        std::ranges::any_of(outcome.findings, [](const auto& f) { return f.rule == GetParam().rule; });
    if (found) return;
    others += text(outcome);
  }
  FAIL() << "nobody noticed" << others;
}

INSTANTIATE_TEST_SUITE_P(
    All, Saboteur,
    ::testing::Values(
        Broken{Sabotage::kLostWrite, Rule::kAcknowledged}, Broken{Sabotage::kLeakyCloud, Rule::kLeak},
        Broken{Sabotage::kTrampling, Rule::kWrongDelete}, Broken{Sabotage::kNeedlessApply, Rule::kRestart},
        Broken{Sabotage::kNoFreshness, Rule::kStatus}, Broken{Sabotage::kLyingProvider, Rule::kStatus},
        Broken{Sabotage::kRevisionBack, Rule::kRevision}, Broken{Sabotage::kSkippedChange, Rule::kWatch},
        Broken{Sabotage::kDeafProvider, Rule::kDesired}, Broken{Sabotage::kForgetfulHub, Rule::kLeak},
        Broken{Sabotage::kRestless, Rule::kRest}, Broken{Sabotage::kForgottenLineage, Rule::kDesired},
        Broken{Sabotage::kForgottenSecret, Rule::kSecret}, Broken{Sabotage::kCarelessHub, Rule::kData},
        Broken{Sabotage::kHastyAgent, Rule::kContent}, Broken{Sabotage::kFloatingTag, Rule::kContent},
        Broken{Sabotage::kFickleHub, Rule::kContent}, Broken{Sabotage::kPatientHub, Rule::kDesired},
        Broken{Sabotage::kHastyReturn, Rule::kReturn}, Broken{Sabotage::kForgottenFound, Rule::kSecret},
        Broken{Sabotage::kBothServe, Rule::kCopies}),
    [](const auto& info) {
      std::string name(name_of(info.param.sabotage));
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace qleet::sim
