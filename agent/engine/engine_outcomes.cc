// One resource: what the outcome of a step says.
#include <algorithm>
#include <utility>

#include "agent/engine/delays.h"
#include "agent/engine/engine.h"
#include "agent/engine/report.h"
#include "common/log/log.h"

namespace qleet::agent {
namespace {

constexpr log::Logger kLog{"engine"};
// A provider that says "not done, at once" this often is slowed down.
constexpr unsigned kMaxStepsInRow = 64;
constexpr Millis kSlowedStep{1'000};

// Stays until what is wanted changes.
bool lasting(const Error& error) { return error.code == Code::kInvalid || error.code == Code::kUnsupported; }

}  // namespace

void Engine::outcome(StepOutcome& outcome) {
  steps_.ended(outcome.provider);
  Node* node = graph_.find(outcome.name);
  if (!node) return;
  node->in_flight = false;
  enqueue(node->name);
  const bool removing = node->tombstone() || node->moved();
  if (outcome.kind == StepKind::kObserve)
    observed(*node, std::get<Result<Observation>>(std::move(outcome.result)), outcome.hash);
  else if (outcome.kind == StepKind::kRemove ? removing : !removing && outcome.hash == node->target())
    stepped(*node, std::get<Result<StepResult>>(std::move(outcome.result)));
  else
    node->look_anew();  // it was about something that is no longer wanted
}

void Engine::observed(Node& node, Result<Observation> result, const std::string& hash) {
  const MonoTime now = seams_.clock.mono();
  node.looked_at = now;
  const bool woken = std::exchange(node.woken, false);
  if (hash != node.step_hash()) {
    node.seen.reset();
    return;
  }
  const bool removing = node.tombstone() || node.moved();
  if (!result && removing && lasting(result.error())) {
    // A template that cannot be looked for must not keep what it once made: a removal needs names alone.
    using State = Observation::State;
    result = Observation{.state = node.carried_out ? State::kAbsent : State::kOutOfDate};
  }
  if (!result) {
    failed(node, std::move(result).error());
    return;
  }
  node.seen = std::move(*result);
  if (!removing) note_found(node);
  const bool watched = watched_[node.provider()];
  const bool ready = node.seen->state == Observation::State::kReady;
  const Millis usual = ready ? (watched ? jittered(options_.safety_look) : jittered(options_.poll))
                             : (watched ? options_.progress_look : options_.progress_poll);
  node.look_again = now + node.seen->recheck_after.value_or(usual);
  if (woken) node.look_again = std::min(node.look_again, now + options_.wake_spacing);
}

void Engine::stepped(Node& node, Result<StepResult> result) {
  node.seen.reset();
  node.woken = false;
  if (!result) {
    node.carried_out = false;
    failed(node, std::move(result).error());
    return;
  }
  node.progress = result->message;
  node.carried_out = result->done;
  Millis pause = result->recheck_after.value_or(Millis(0));
  node.steps_in_row = result->done ? 0 : node.steps_in_row + 1;
  if (node.steps_in_row > kMaxStepsInRow) pause = std::max(pause, kSlowedStep);
  node.pause_until = seams_.clock.mono() + pause;
}

void Engine::failed(Node& node, Error error) {
  node.seen.reset();
  node.pause_until = {};
  Retry& retry = node.retry;
  ++retry.tries;
  retry.terminal = lasting(error);
  const Millis delay = std::min(jittered(doubled(options_.retry_first, retry.tries, options_.retry_longest)),
                                options_.retry_longest);
  retry.not_before = seams_.clock.mono() + delay;
  retry.next_attempt = seams_.clock.wall() + delay;
  error.message = redact(std::move(error.message), secrets_near(node));
  kLog.warn("step failed",
            {{"resource", node.name}, {"tries", std::to_string(retry.tries)}, {"error", error.message}});
  retry.error = std::move(error);
}

Millis Engine::jittered(Millis base) const {
  const auto spread = static_cast<std::uint64_t>(base.count() / 5 * 2);
  return base - base / 5 + Millis(spread ? seams_.random.below(spread) : 0);
}

}  // namespace qleet::agent
