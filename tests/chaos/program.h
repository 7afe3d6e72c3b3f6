// What a storm does, made from its seed before anything runs, so that it can be shown and replayed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/chaos/wish.h"

namespace qleet::chaos {

struct ProgramOptions {
  std::uint64_t seed = 1;
  long millis = 4'000;  // of changes and faults
  std::vector<std::string> agents;
  int actors = 2;           // each owns applications of its own, and waits for an answer before its next step
  bool disk = false;        // the hub's disk may become full
  bool clocks = false;      // the clocks of hub and agents may jump
  bool containers = false;  // the last agent has a podman of its own, too
  bool long_silence = false;  // with an agent that is away for long enough to be missed
};

struct Step {
  enum class Act { kApply, kDelete, kBuild, kApprove, kRollback, kEnvironment, kRegion, kProfile };
  long at = 0;    // ms since the start; not earlier
  int actor = 0;  // the last two are the operator, and who wants real containers
  Act act = Act::kApply;
  std::string subject;
  long mark = 0;                // unique
  AppWish app;                  // of kApply
  std::string detail;           // kBuild: workload; kApprove: environment; kRegion: tier
  Content to;                   // of kRollback
  EnvironmentWish environment;  // of kEnvironment
};
void apply(const Step& step, Wish& wish);

struct Fault {
  enum class Kind { kKill, kPause, kCut, kDeaf, kMute, kSlow, kLossy, kFull, kClock };
  long at = 0;
  Kind kind = Kind::kKill;
  std::string target;  // "hub", "nats", "podman", or an agent
  long seconds = 0;    // of kClock: forwards, or backwards
  long millis = 0;     // until it is started again, continued, or connected as before
  // The agent cannot be heard by the hub.
  bool silences() const;
};

struct Program {
  ProgramOptions options;
  std::vector<Step> steps;    // in the order of `at`
  std::vector<Fault> faults;  // the same
};

Program make_program(const ProgramOptions& options);
// Before the first step: what the profiles of tests/chaos and the fleet bring along.
Wish first_wish(const ProgramOptions& options);
// Once all of it is carried out.
Wish last_wish(const Program& program);
std::string text(const Step& step);
std::string text(const Fault& fault);
std::string text(const Program& program);
// "kill hub": what is counted.
std::string kind_of(const Fault& fault);

}  // namespace qleet::chaos
