// One resource as the engine holds it. What `desired` and `runtime` say is in the journal; the rest is found
// out anew after a restart.
#pragma once

#include <optional>
#include <string>

#include "agent/engine/render.h"
#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/sync/values.h"
#include "providers/api/provider.h"
#include "qleet/agent/v1/journal.pb.h"

namespace qleet::agent {

// Tries that failed since the last success.
struct Retry {
  unsigned tries = 0;
  std::optional<Error> error;
  bool terminal = false;
  MonoTime not_before{};
  WallTime next_attempt{};
};

struct Node {
  std::string name;
  v1::Desired desired;
  v1::Runtime runtime;

  // Inputs. `rendered` is null while a dependency has never been ready, or where `invalid` says why.
  bool inputs_stale = true;
  std::optional<Rendered> rendered;
  std::optional<Error> invalid;
  // Exists, with secrets that this journal does not know: seen before the first step.
  bool secrets_lost = false;

  // The pass.
  bool queued = false;
  bool in_flight = false;
  bool woken = false;  // while in flight
  MonoTime step_since{};
  std::optional<Observation> seen;
  MonoTime looked_at{};
  MonoTime look_again = MonoTime::max();
  MonoTime pause_until{};  // asked for by the last step
  bool carried_out = false;
  unsigned steps_in_row = 0;
  std::string progress;
  Retry retry;

  // Drift.
  bool repairing = false;
  std::string drift;  // what was seen, for people
  unsigned repairs = 0;
  MonoTime last_repair{};

  bool ready = false;

  const wire::v1::DesiredResource& spec() const { return desired.resource(); }
  bool tombstone() const { return spec().deleted(); }
  bool gone() const { return runtime.gone(); }
  std::string target() const { return rendered ? rendered->hash : ""; }
  // Something of it may exist.
  bool touched() const {
    return !runtime.applied_hash().empty() || !runtime.intent_hash().empty() || runtime.removing();
  }
  // What exists was made by another provider than the wanted one.
  bool moved() const {
    return !tombstone() && touched() && !runtime.made_by().empty() && runtime.made_by() != spec().provider();
  }
  // Whom to ask about what exists, or is to exist.
  const std::string& provider() const {
    return touched() && !runtime.made_by().empty() && (tombstone() || moved()) ? runtime.made_by()
                                                                               : spec().provider();
  }
  // Nothing of it exists outside of the journal: it hands out values that the hub sent, and has no provider.
  static bool is_values(const std::string& provider) { return provider == sync::kValuesProvider; }
  // The hash that a provider is handed now.
  std::string step_hash() const { return tombstone() || moved() ? runtime.applied_hash() : target(); }
  // What was seen, and what it led to, no longer counts.
  void look_anew() {
    seen.reset();
    pause_until = {};
    carried_out = false;
    steps_in_row = 0;
    progress.clear();
    repairing = false;
  }
};

}  // namespace qleet::agent
