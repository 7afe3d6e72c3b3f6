// One resource: from what is known about it to the next step.
#include <algorithm>

#include "agent/engine/engine.h"
#include "agent/engine/render.h"
#include "agent/engine/report.h"
#include "common/log/log.h"
#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

constexpr log::Logger kLog{"engine"};
constexpr size_t kSecretLength = 32;
// Repairs that follow each other faster than this are spaced like failed tries: someone else works against
// us.
constexpr Millis kRepairWindow{300'000};
// A provider that says "not done, at once" this often is slowed down.
constexpr unsigned kMaxStepsInRow = 64;
constexpr Millis kSlowedStep{1'000};

Millis doubled(Millis first, unsigned failures, Millis longest) {
  Millis delay = first;
  for (unsigned i = 1; i < failures && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

// Stays until what is wanted changes.
bool lasting(const Error& error) { return error.code == Code::kInvalid || error.code == Code::kUnsupported; }

}  // namespace

Provider* Engine::provider(const std::string& name) const {
  const auto known = seams_.providers.find(name);
  return known == seams_.providers.end() ? nullptr : known->second.get();
}

void Engine::consider(Node& node) {
  if (node.in_flight) return;
  if (node.gone()) {
    timers_.clear(node.name);
    return;
  }
  refresh_inputs(node);
  Decision decision = decide(situation(node));
  if (decision.act == Act::kFail) {
    node.carried_out = false;
    failed(node, Error{Code::kInternal, decision.message, {}, decision.reason});
    decision = decide(situation(node));
  }
  carry_out(node, decision);
}

void Engine::carry_out(Node& node, const Decision& decided) {
  Decision decision = decided;
  switch (decision.act) {
    case Act::kWait:
    case Act::kFail:
      break;
    case Act::kObserve:
      if (node.pause_until <= seams_.clock.mono()) observe(node);
      break;
    case Act::kApply:
      begin_apply(node, decision);
      break;
    case Act::kRemove:
      begin_remove(node);
      break;
    case Act::kMoved:
      finish_moved(node);
      return;
    case Act::kGone:
      finish_gone(node);
      return;
    case Act::kDone: {
      const bool first = !node.ready;
      const bool outputs_changed = done(node, decision);
      node.ready = decision.act == Act::kDone;
      show(node, decision);
      if (outputs_changed || first) enqueue_dependents(node, true);
      schedule(node);
      return;
    }
  }
  // A look in between says nothing about readiness yet.
  if (decision.act != Act::kObserve) node.ready = false;
  show(node, decision);
  schedule(node);
}

void Engine::refresh_inputs(Node& node) {
  if (!node.inputs_stale) return;
  node.inputs_stale = false;
  const Inputs inputs = graph_.inputs(node);
  if (node.tombstone()) {
    node.rendered = render_for_removal(node.spec(), inputs);
    node.invalid.reset();
    return;
  }
  const std::string before = node.target();
  node.invalid.reset();
  // Nothing is generated for what cannot begin yet.
  if (!graph_.inputs_known(node) || (!node.touched() && !graph_.blockers(node).empty())) {
    node.rendered.reset();
    node.inputs_stale = true;
    return;
  }
  auto names = generated_names(node.spec());
  if (!names) {
    node.rendered.reset();
    node.invalid = std::move(names).error();
    return;
  }
  for (const auto& name : *names) {
    auto& generated = *node.runtime.mutable_secrets()->mutable_generated();
    if (generated.contains(name)) continue;
    generated[name] = crypto::random_password(seams_.random, kSecretLength);
    ledger_.runtime_changed(node.name);
  }
  auto rendered = render(node.spec(), graph_.inputs(node), meta_.hash_key());
  if (!rendered) {
    node.rendered.reset();
    node.invalid = std::move(rendered).error();
    return;
  }
  node.rendered = std::move(*rendered);
  if (node.target() == before) return;
  node.look_anew();
  node.retry = {};
  node.ready = false;
}

Situation Engine::situation(const Node& node) const {
  Situation s;
  s.tombstone = node.tombstone();
  s.touched = node.touched();
  s.provider = node.provider();
  s.provider_known = provider(s.provider) != nullptr;
  s.moved = node.moved();
  s.successor = node.spec().provider();
  s.successor_known = provider(s.successor) != nullptr;
  if (s.tombstone) {
    const auto& users = graph_.dependents(node.name);
    s.dependents.assign(users.begin(), users.end());
  } else {
    s.blockers = graph_.blockers(node);
  }
  s.invalid = node.invalid;
  s.target = node.target();
  s.applied = node.runtime.applied_hash();
  s.intent = node.runtime.intent_hash();
  s.seen = node.seen ? &*node.seen : nullptr;
  s.carried_out = node.carried_out;
  s.tries = node.retry.tries;
  s.error = node.retry.error;
  s.terminal = node.retry.terminal;
  s.not_before = node.retry.not_before;
  s.now = seams_.clock.mono();
  s.stall_after = options_.stall_after;
  s.progress = node.progress;
  return s;
}

void Engine::schedule(Node& node) {
  if (node.in_flight) {
    timers_.clear(node.name);
    return;
  }
  const MonoTime now = seams_.clock.mono();
  MonoTime at = node.look_again;
  if (node.retry.terminal)
    at = MonoTime::max();
  else if (node.retry.not_before > now)
    at = node.retry.not_before;
  if (!node.seen && node.pause_until > now) at = std::min(at, node.pause_until);
  if (at == MonoTime::max())
    timers_.clear(node.name);
  else
    timers_.set(node.name, at);
}

void Engine::observe(Node& node) {
  node.in_flight = true;
  node.look_again = MonoTime::max();
  steps_.start(seams_.providers.at(node.provider()), {.kind = StepKind::kObserve,
                                                      .provider = node.provider(),
                                                      .resource = provider_resource(node),
                                                      .seen = {}});
}

void Engine::begin_apply(Node& node, const Decision& decision) {
  const MonoTime now = seams_.clock.mono();
  if (decision.drift && !node.repairing) {
    node.repairs = node.repairs > 0 && now - node.last_repair < kRepairWindow ? node.repairs + 1 : 1;
    if (node.repairs > 1) {
      const MonoTime at =
          node.last_repair + doubled(options_.retry_first, node.repairs - 1, options_.retry_longest);
      if (at > now) {
        --node.repairs;
        node.look_again = at;
        return;
      }
    }
    node.repairing = true;
    node.drift = decision.message;
    node.last_repair = now;
  }
  v1::Runtime before = node.runtime;
  node.runtime.set_intent_hash(node.target());
  node.runtime.set_removing(false);
  node.runtime.set_made_by(node.spec().provider());
  std::set<std::string> drawn_on(node.runtime.drawn_on().begin(), node.runtime.drawn_on().end());
  for (const auto& [alias, name] : node.spec().dependencies()) drawn_on.insert(name);
  node.runtime.mutable_drawn_on()->Assign(drawn_on.begin(), drawn_on.end());
  if (node.runtime.intent_hash() != before.intent_hash() || node.runtime.removing() != before.removing() ||
      node.runtime.made_by() != before.made_by() || node.runtime.drawn_on_size() != before.drawn_on_size())
    ledger_.runtime_changed(node.name);
  graph_.refresh_edges(node);
  node.in_flight = true;
  acts_.push_back({node.name, StepKind::kApply});
}

void Engine::begin_remove(Node& node) {
  if (!node.runtime.removing()) {
    node.runtime.set_removing(true);
    if (node.runtime.made_by().empty()) node.runtime.set_made_by(node.spec().provider());
    node.runtime.clear_applied_hash();
    node.runtime.clear_intent_hash();
    ledger_.runtime_changed(node.name);
  }
  node.in_flight = true;
  acts_.push_back({node.name, StepKind::kRemove});
}

// True where the outputs changed. A failure to make them turns the decision into one that says so.
bool Engine::done(Node& node, Decision& decision) {
  auto outputs = render_outputs(node.spec(), graph_.inputs(node), node.seen->self);
  if (!outputs) {
    decision = {.act = Act::kWait,
                .state = states::kStalled,
                .reason = std::string(reasons::kInvalidTemplate),
                .message = outputs.error().message};
    return false;
  }
  const bool was_update =
      node.runtime.intent_hash() == node.target() || node.runtime.applied_hash() != node.target();
  v1::Runtime& runtime = node.runtime;
  v1::Runtime after = runtime;
  after.set_applied_hash(node.target());
  after.clear_intent_hash();
  after.set_removing(false);
  after.set_made_by(node.spec().provider());
  std::set<std::string> drawn_on;
  for (const auto& [alias, name] : node.spec().dependencies()) drawn_on.insert(name);
  after.mutable_drawn_on()->Assign(drawn_on.begin(), drawn_on.end());
  *after.mutable_secrets()->mutable_outputs() = std::move(*outputs);

  const auto same_output = [](const v1::Output& a, const v1::Output& b) {
    return a.secret() == b.secret() && a.value().kind_case() == b.value().kind_case() &&
           text_of(a.value()) == text_of(b.value());
  };
  const auto& old_outputs = runtime.secrets().outputs();
  const auto& new_outputs = after.secrets().outputs();
  const bool outputs_changed =
      old_outputs.size() != new_outputs.size() || std::ranges::any_of(new_outputs, [&](const auto& entry) {
        const auto old = old_outputs.find(entry.first);
        return old == old_outputs.end() || !same_output(old->second, entry.second);
      });
  const bool record_changed = outputs_changed || runtime.applied_hash() != after.applied_hash() ||
                              !runtime.intent_hash().empty() || runtime.removing() ||
                              runtime.made_by() != after.made_by() ||
                              !std::ranges::equal(runtime.drawn_on(), after.drawn_on());
  if (record_changed) {
    runtime = std::move(after);
    ledger_.runtime_changed(node.name);
    for (const auto& name : graph_.refresh_edges(node)) enqueue(name);
  }
  if (node.repairing)
    event(node, "Normal", reasons::kDriftRepaired,
          node.drift.empty() ? "brought back to what is wanted" : "repaired: " + node.drift);
  else if (was_update)
    event(node, "Normal", reasons::kAvailable, decision.message);
  node.repairing = false;
  node.retry = {};
  node.carried_out = false;
  node.steps_in_row = 0;
  node.progress.clear();
  return outputs_changed;
}

void Engine::finish_moved(Node& node) {
  node.runtime.clear_applied_hash();
  node.runtime.clear_intent_hash();
  node.runtime.clear_made_by();
  node.runtime.set_removing(false);
  node.inputs_stale = true;
  node.retry = {};
  node.look_anew();
  ledger_.runtime_changed(node.name);
  enqueue(node.name);
}

void Engine::finish_gone(Node& node) {
  if (node.touched()) event(node, "Normal", reasons::kDeleting, "deleted");
  v1::Runtime gone;
  gone.set_gone(true);
  *gone.mutable_report() = node.runtime.report();
  gone.set_acked_version(node.runtime.acked_version());
  node.runtime = std::move(gone);
  node.retry = {};
  node.look_anew();
  node.ready = false;
  timers_.clear(node.name);
  show(node, {});
  ledger_.runtime_changed(node.name);
  enqueue_dependents(node, true);
  for (const auto& name : graph_.refresh_edges(node)) enqueue(name);
}

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

void Engine::show(Node& node, Decision decision) {
  decision.message = redact(std::move(decision.message), secrets_near(node));
  const std::string before = shown_state(node);
  if (!update_report(node, decision, seams_.clock.wall())) return;
  ledger_.report_changed(node.name);
  if (before != states::kStalled && shown_state(node) == states::kStalled)
    event(node, "Warning", decision.reason, decision.message);
  if (before == states::kReady && shown_state(node) == states::kDegraded)
    event(node, "Warning", decision.reason, decision.message);
  // Those that wait for it show why.
  enqueue_dependents(node, false);
}

void Engine::event(const Node& node, std::string_view type, std::string_view reason, std::string message) {
  wire::v1::EventReport event;
  event.set_id(boot_id_ + "-" + std::to_string(++events_made_));
  event.set_resource(node.name);
  event.set_type(std::string(type));
  event.set_reason(std::string(reason));
  event.set_message(redact(std::move(message), secrets_near(node)));
  const auto ms = seams_.clock.wall().time_since_epoch().count();
  event.mutable_time()->set_seconds(ms / 1000);
  event.mutable_time()->set_nanos(static_cast<int>(ms % 1000 * 1'000'000));
  ledger_.add_event(std::move(event));
}

Millis Engine::jittered(Millis base) const {
  const auto spread = static_cast<std::uint64_t>(base.count() / 5 * 2);
  return base - base / 5 + Millis(spread ? seams_.random.below(spread) : 0);
}

std::vector<std::string> Engine::secrets_near(const Node& node) const {
  std::vector<std::string> secrets;
  const auto add_outputs = [&](const Node& of) {
    for (const auto& [name, output] : of.runtime.secrets().outputs())
      if (output.secret()) secrets.push_back(text_of(output.value()));
  };
  for (const auto& [name, value] : node.runtime.secrets().generated()) secrets.push_back(value);
  add_outputs(node);
  for (const auto& [alias, name] : node.spec().dependencies())
    if (const Node* dependency = graph_.find(name)) add_outputs(*dependency);
  return secrets;
}

ProviderResource Engine::provider_resource(const Node& node) const {
  ProviderResource r;
  r.name = node.name;
  r.owner = options_.agent;
  r.type = node.spec().type();
  r.id = node.spec().id();
  r.application = node.spec().application();
  r.environment = node.spec().environment();
  r.generation = node.spec().generation();
  r.hash = node.step_hash();
  if (node.rendered) {
    r.template_ = node.rendered->template_;
    r.dependencies = node.rendered->dependencies;
  }
  return r;
}

Result<Engine::Handle> Engine::handle(const std::string& name) const {
  const Node* node = graph_.find(name);
  if (!node || !node->touched()) return fail(Code::kNotFound, "resource " + name + " does not run here");
  const auto known = seams_.providers.find(node->provider());
  if (known == seams_.providers.end())
    return fail(Code::kNotFound, "this agent has no provider \"" + node->provider() + "\"");
  return Handle{known->second, provider_resource(*node)};
}

}  // namespace qleet::agent
