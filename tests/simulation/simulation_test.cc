// Histories of the whole chain in one process, some hundred of them; that each replays from its seed; and
// that each rule's check can fail.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "common/log/log.h"
#include "tests/simulation/history.h"
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
        Broken{Sabotage::kHastyReturn, Rule::kReturn}),
    [](const auto& info) {
      std::string name(name_of(info.param.sabotage));
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace qleet::sim
