#include "agent/engine/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

using State = Observation::State;

std::string or_else(const std::string& text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

Decision show(Act act, std::string_view state, std::string_view reason, std::string message) {
  return {.act = act, .state = state, .reason = std::string(reason), .message = std::move(message)};
}

// Nothing was learned yet that should change what is shown.
Decision quiet(Act act) { return {.act = act}; }

Decision provider_missing(const std::string& provider) {
  return show(Act::kWait, states::kStalled, reasons::kProviderMissing,
              "this agent has no provider \"" + provider + "\"");
}

Decision waiting_for_dependencies(const Situation& s) {
  // Of a chain the last cause; several may wait for one.
  std::vector<std::string> parts;
  for (const auto& b : s.blockers) {
    auto part = b.waits ? b.why : fmt::format("{} ({}): {}", b.alias, b.resource, b.why);
    if (std::ranges::find(parts, part) == parts.end()) parts.push_back(std::move(part));
  }
  const std::string waits = fmt::format("waits for {}", fmt::join(parts, "; "));
  if (s.applied.empty()) return show(Act::kWait, states::kPending, reasons::kWaitingForDependency, waits);
  return show(Act::kWait, states::kProgressing, reasons::kWaitingForDependency,
              "runs as it was; its change " + waits);
}

// Between two tries.
Decision failing(const Situation& s, std::string_view state) {
  if (s.terminal || s.tries >= s.stall_after) state = states::kStalled;
  Decision d = show(Act::kWait, state, reason_of(*s.error), s.error->message);
  // It could not be looked at: what runs may well be fine.
  if (s.error->code == Code::kUnavailable && !s.applied.empty() && s.applied == s.target)
    d.status = "Unknown";
  return d;
}

Decision fail_unconfirmed(const Situation& s, std::string_view what) {
  return show(Act::kFail, states::kProgressing, or_else(s.seen->reason, reasons::kProviderError),
              or_else(s.seen->message, what));
}

bool waits_for_next_try(const Situation& s) { return s.error && (s.terminal || s.now < s.not_before); }

// One pass of a removal; `when_absent` says what follows when nothing is left.
Decision decide_removal(const Situation& s, Act when_absent) {
  const std::string_view state = when_absent == Act::kGone ? states::kDeleting : states::kProgressing;
  const std::string_view reason = when_absent == Act::kGone ? reasons::kDeleting : reasons::kUpdating;
  if (s.values) return quiet(when_absent);
  if (!s.provider_known) return provider_missing(s.provider);
  if (waits_for_next_try(s)) return failing(s, state);
  if (!s.seen) return quiet(Act::kObserve);
  if (s.seen->state == State::kAbsent) return quiet(when_absent);
  if (s.carried_out && s.seen->state != State::kProgressing)
    return fail_unconfirmed(s, "still there after its removal was carried out");
  const Act act = s.carried_out ? Act::kWait : Act::kRemove;
  return show(act, state, reason, or_else(s.seen->message, s.progress));
}

Decision decide_tombstone(const Situation& s) {
  if (!s.touched) {
    // A journal that was lost may have made it. What cannot be asked about was never made.
    if (!s.provider_known || (s.error && s.terminal)) return quiet(Act::kGone);
    if (waits_for_next_try(s)) return failing(s, states::kDeleting);
    if (!s.seen) return quiet(Act::kObserve);
    if (s.seen->state == State::kAbsent) return quiet(Act::kGone);
  }
  if (!s.dependents.empty())
    return show(Act::kWait, states::kDeleting, reasons::kWaitingForDependents,
                fmt::format("waits until it is no longer used by {}{}", fmt::join(s.dependents, ", "),
                            s.more_dependents ? fmt::format(" and {} more", s.more_dependents) : ""));
  return decide_removal(s, Act::kGone);
}

// What keeps data was made here, and is not there any more: an empty one in its place would pass for it.
bool data_lost(const Situation& s) {
  if (!s.keeps_data) return false;
  // Its provider remembers it, also where this journal does not; what was only begun here held none yet.
  const bool was_made = !s.applied.empty();
  const bool missed = s.seen->reason == reasons::kDataLost && (was_made || s.intent.empty());
  if (s.seen->state == State::kAbsent) return missed || (was_made && s.holds_data);
  return s.seen->state == State::kOutOfDate && missed;
}

Decision decide_seen(const Situation& s) {
  if (data_lost(s))
    return show(
        Act::kWait, states::kStalled, reasons::kDataLost,
        or_else(s.seen->message,
                "what held its data is not there any more, and nothing is made in its place: put it back "
                "from a backup, or delete this resource"));
  const Observation& seen = *s.seen;
  const bool drift = s.applied == s.target && s.intent.empty();
  // A step was begun, perhaps before a crash, and nobody has said that it was the last one.
  const bool unfinished = !s.intent.empty() && !s.carried_out;
  const std::string_view doing = s.applied.empty() ? reasons::kCreating : reasons::kUpdating;
  const std::string message = or_else(seen.message, s.progress);
  const auto state_or_stalled = [&](std::string_view state) {
    return seen.stalled ? states::kStalled : state;
  };
  switch (seen.state) {
    case State::kReady:
      return {.act = Act::kDone,
              .state = states::kReady,
              .status = "True",
              .reason = or_else(seen.reason, reasons::kAvailable),
              .message = seen.message};
    case State::kAbsent:
    case State::kOutOfDate: {
      if (s.carried_out)
        return fail_unconfirmed(s, seen.state == State::kAbsent
                                       ? "does not exist although it was made"
                                       : "is not as wanted although it was brought up to date");
      // What the failed try said stands until this one brings something new.
      Decision d =
          s.error ? quiet(Act::kApply)
          : s.secrets_lost
              ? show(Act::kApply, states::kProgressing, reasons::kSecretsLost,
                     "is there, but this journal does not hold the secrets that it was made with: it is "
                     "brought to new ones")
              : show(Act::kApply, state_or_stalled(drift ? states::kDegraded : states::kProgressing),
                     seen.stalled ? or_else(seen.reason, doing) : std::string(doing), message);
      d.drift = drift;
      return d;
    }
    case State::kProgressing:
      return show(unfinished ? Act::kApply : Act::kWait, state_or_stalled(states::kProgressing),
                  or_else(seen.reason, doing), message);
    case State::kDegraded:
      return show(unfinished ? Act::kApply : Act::kWait, state_or_stalled(states::kDegraded),
                  or_else(seen.reason, reasons::kProviderError), message);
  }
  return quiet(Act::kWait);
}

// What was handed out stays so while there is nothing newer.
Decision decide_values(const Situation& s) {
  if (!s.values_missing.empty() && s.applied != s.target)
    return show(Act::kWait, s.applied.empty() ? states::kPending : states::kProgressing,
                reasons::kWaitingForValues, s.values_missing);
  return {.act = Act::kDone,
          .state = states::kReady,
          .status = "True",
          .reason = std::string(reasons::kAvailable),
          .message = s.values_of};
}

Decision decide_live(const Situation& s) {
  // What has begun goes on whatever becomes of a dependency; only a beginning waits.
  const bool begun = !s.invalid && !s.target.empty() && (s.target == s.applied || s.target == s.intent);
  if (!s.blockers.empty() && !begun) return waiting_for_dependencies(s);
  if (s.invalid)
    return show(Act::kWait, states::kStalled, or_else(s.invalid->reason, reasons::kInvalidTemplate),
                s.invalid->message);
  if (s.moved) {
    if (!s.successor_known) return provider_missing(s.successor);
    return decide_removal(s, Act::kMoved);
  }
  if (s.values) return decide_values(s);
  if (!s.provider_known) return provider_missing(s.provider);
  if (waits_for_next_try(s))
    return failing(s, s.applied == s.target ? states::kDegraded : states::kProgressing);
  if (!s.seen) return quiet(Act::kObserve);
  return decide_seen(s);
}

}  // namespace

Decision decide(const Situation& s) { return s.tombstone ? decide_tombstone(s) : decide_live(s); }

std::string_view reason_of(const Error& error) {
  if (!error.reason.empty()) return error.reason;
  return error.code == Code::kInvalid ? reasons::kInvalidTemplate : reasons::kProviderError;
}

}  // namespace qleet::agent
