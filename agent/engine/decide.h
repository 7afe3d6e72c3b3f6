// What to do next about one resource: a pure function, so that every case stands in a table
// (tests/unit/agent/decide_test.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/link/states.h"
#include "common/clock/clock.h"
#include "common/result/result.h"
#include "providers/api/provider.h"

namespace qleet::agent {

// A dependency that is not ready.
struct Blocker {
  std::string alias;
  std::string resource;
  std::string why;     // for people: its own reason, or that it is not here
  bool waits = false;  // itself, for what `why` names
};

struct Situation {
  bool tombstone = false;
  // Something of it may exist: a step was begun here, and its removal has not been seen.
  bool touched = false;
  std::string provider;  // that is to be asked now
  bool provider_known = true;
  // What exists was made by another provider (`provider`): it must go before the wanted one makes its own.
  bool moved = false;
  std::string successor;  // the wanted one then
  bool successor_known = true;
  bool keeps_data = false;
  bool holds_data = false;  // that is gone with it, and with nothing else
  // What `provider` made is nothing but outputs: there is nothing to be asked for or removed.
  bool values = false;
  std::string values_missing;  // why they cannot be opened; empty: they can
  std::string values_of;       // for people: what is handed out
  // It exists although this journal has made nothing of it, and secrets are generated for it: new ones now.
  bool secrets_lost = false;
  std::vector<Blocker> blockers;
  std::vector<std::string> dependents;  // that need what a tombstone would remove: the first few
  size_t more_dependents = 0;
  std::optional<Error> invalid;       // the template cannot be filled in
  std::string target;                 // hash of what is wanted; empty: inputs are not known yet
  std::string applied;                // hash of the last completed step
  std::string intent;                 // hash that a step was begun for
  const Observation* seen = nullptr;  // null: must be looked at
  // The last step said that nothing is left to start; no observation has shown the result yet.
  bool carried_out = false;
  unsigned tries = 0;          // that failed since the last success
  std::optional<Error> error;  // of the last one
  bool terminal = false;       // that error stays until what is wanted changes
  MonoTime not_before{};       // of the next try
  MonoTime now{};
  unsigned stall_after = 5;
  std::string progress;  // what the last step said, for people
};

enum class Act {
  kWait,     // for an event, a dependency, or the time of the next try
  kObserve,  // look
  kApply,
  kRemove,
  kFail,   // the last step said done but did not bring it about: counts as a failed try
  kMoved,  // nothing of the other provider is left: go on with the wanted one
  kGone,   // nothing of a tombstone is left: say so
  kDone,   // as wanted
};

struct Decision {
  Act act = Act::kWait;
  // What to show. `state` empty: leave what is shown as it is.
  std::string_view state;
  std::string_view status = "False";  // of the Ready condition
  std::string reason;
  std::string message;
  bool drift = false;  // an apply that repairs what someone else changed
};

Decision decide(const Situation& s);

// The published reason of an error.
std::string_view reason_of(const Error& error);

}  // namespace qleet::agent
