// How long it is waited for a rollout where nobody said how long: until the hub has judged it. The hub's own
// deadline counts from the last progress, so this does, too. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/clock/clock.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

// Of an environment that says nothing else (docs/operations/rollouts.md).
constexpr Millis kUsualDeadline = std::chrono::minutes(10);
// The hub's clock begins once the agent has taken the release up, and it tells of its judgement after that.
constexpr Millis kUntilJudged = std::chrono::minutes(2);
// Of what goes away, and of what cannot be asked about its deadline. Well above any deadline that is usual.
constexpr const char* kLongWait = "30m";

class Patience {
 public:
  // `limit`: so long in all, whatever happens; nullopt: nobody said.
  Patience(MonoTime begun, std::optional<Millis> limit) : begun_(begun), progressed_(begun), limit_(limit) {}

  // What is seen of one application. More that is ready than ever before with a release is progress, and so
  // is another release; what goes back and forth is none.
  void see(const v1::Tree& tree, MonoTime now);
  // An environment that is waited for has this deadline; nullopt: none, so the hub never judges.
  void learn(const std::string& environment, std::optional<Millis> deadline);
  bool knows(const std::string& environment) const { return deadlines_.contains(environment); }
  MonoTime ends() const;
  // How long it has been waited when it ends.
  Millis lasted() const { return ends() - begun_; }

 private:
  const MonoTime begun_;
  MonoTime progressed_;
  const std::optional<Millis> limit_;
  std::map<std::string, Millis> deadlines_;                                 // by environment
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> reached_;  // by deployment and release
};

// As an environment writes it (EnvironmentSpec.rollout.deadline); nullopt: none.
std::optional<Millis> deadline_named(const std::string& text);

}  // namespace qleet::cli
