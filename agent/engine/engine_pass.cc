// One resource: from what is known about it to the next step.
#include <algorithm>

#include "agent/engine/damage.h"
#include "agent/engine/engine.h"
#include "agent/engine/kept_secrets.h"
#include "agent/engine/render.h"
#include "agent/engine/report.h"
#include "common/clock/duration.h"
#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

// Users of a tombstone that are named; the others are counted.
constexpr size_t kNamedUsers = 5;

// A wish of a newer hub that is not known here: the images are run as they are named.
ResolveImages resolve_images(const std::string& wish) {
  if (wish == "once") return ResolveImages::kOnce;
  if (wish == "again") return ResolveImages::kAgain;
  return ResolveImages::kAsNamed;
}

}  // namespace

Provider* Engine::provider(const std::string& name) const {
  const auto known = seams_.providers.find(name);
  return known == seams_.providers.end() ? nullptr : known->second.get();
}

void Engine::consider(Node& node) {
  if (node.in_flight) {
    show_overdue(node);
    return;
  }
  if (node.gone()) {
    timers_.clear(node.name);
    show(node, {});
    return;
  }
  refresh_inputs(node);
  const MonoTime now = seams_.clock.mono();
  Decision decision = decide(situation(node, now));
  if (decision.act == Act::kFail) {
    node.carried_out = false;
    failed(node, Error{Code::kInternal, decision.message, {}, decision.reason});
    decision = decide(situation(node, now));
  }
  carry_out(node, decision, now);
}

void Engine::carry_out(Node& node, const Decision& decided, MonoTime now) {
  Decision decision = decided;
  switch (decision.act) {
    case Act::kWait:
    case Act::kFail:
      break;
    case Act::kObserve:
      if (node.pause_until <= now) observe(node);
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
      schedule(node, now);
      return;
    }
  }
  // A look in between says nothing about readiness yet.
  if (decision.act != Act::kObserve) node.ready = false;
  show(node, decision);
  schedule(node, now);
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
  if (is_stub(node.desired)) {
    node.rendered.reset();
    node.invalid = stub_error();
    return;
  }
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
  if (auto made = make_secrets(node, *names); !made) {
    node.rendered.reset();
    node.invalid = std::move(made).error();
    return;
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

Situation Engine::situation(const Node& node, MonoTime now) const {
  Situation s;
  s.tombstone = node.tombstone();
  s.touched = node.touched();
  s.provider = node.provider();
  s.provider_known = provider(s.provider) != nullptr;
  s.moved = node.moved();
  s.successor = node.spec().provider();
  s.successor_known = provider(s.successor) != nullptr || Node::is_values(s.successor);
  s.values = Node::is_values(s.provider);
  if (s.values && !s.tombstone && !s.moved) {
    s.values_of = "version " + std::to_string(node.spec().secret().version()) + " of secret " +
                  node.spec().secret().name();
    if (const auto opened = opened_values(node); !opened) s.values_missing = opened.error().message;
  }
  if (s.tombstone) {
    for (const auto& user : graph_.dependents(node.name)) {
      if (s.dependents.size() < kNamedUsers)
        s.dependents.push_back(user);
      else
        ++s.more_dependents;
    }
  } else {
    s.blockers = graph_.blockers(node);
  }
  s.keeps_data = keeps_data(node.spec());
  s.holds_data = holds_data(graph_, node);
  s.secrets_lost = node.secrets_lost && !s.touched;
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
  s.now = now;
  s.stall_after = options_.stall_after;
  s.progress = node.progress;
  return s;
}

// A step that does not end cannot be ended from here; at least it is said.
void Engine::show_overdue(Node& node) {
  const MonoTime now = seams_.clock.mono();
  if (now - node.step_since < options_.overdue) return;
  timers_.set(node.name, now + options_.overdue);
  show(node, {.act = Act::kWait,
              .state = node.ready ? states::kDegraded : states::kProgressing,
              .status = "Unknown",
              .reason = std::string(reasons::kProviderError),
              .message = "provider \"" + node.provider() + "\" has not answered for " +
                         human_duration(now - node.step_since)});
}

void Engine::schedule(Node& node, MonoTime now) {
  if (node.in_flight) {
    timers_.set(node.name, now + options_.overdue);
    return;
  }
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

void Engine::show(Node& node, Decision decision) {
  decision.message = redact(std::move(decision.message), secrets_near(node));
  const std::string before = shown_state(node);
  if (!update_report(node, decision, seams_.clock.wall(), newest_version_)) return;
  newest_version_ = std::max<std::uint64_t>(newest_version_, node.runtime.report().version());
  ledger_.report_changed(node.name);
  if (before != states::kStalled && shown_state(node) == states::kStalled)
    event(node, "Warning", decision.reason, decision.message);
  if (before == states::kReady && shown_state(node) == states::kDegraded)
    event(node, "Warning", decision.reason, decision.message);
  // Those that wait for it show why.
  enqueue_dependents(node, false);
}

void Engine::event(const Node& node, std::string_view type, std::string_view reason, std::string message) {
  event(node.name, type, reason, redact(std::move(message), secrets_near(node)));
}

void Engine::event(const std::string& name, std::string_view type, std::string_view reason,
                   std::string message) {
  wire::v1::EventReport event;
  event.set_id(boot_id_ + "-" + std::to_string(++events_made_));
  event.set_resource(name);
  event.set_type(std::string(type));
  event.set_reason(std::string(reason));
  event.set_message(std::move(message));
  const auto ms = seams_.clock.wall().time_since_epoch().count();
  event.mutable_time()->set_seconds(ms / 1000);
  event.mutable_time()->set_nanos(static_cast<int>(ms % 1000 * 1'000'000));
  ledger_.add_event(std::move(event));
}

std::vector<std::string> Engine::secrets_near(const Node& node) const {
  std::vector<std::string> secrets;
  const auto add_outputs = [&](const Node& of) {
    for (const auto& [name, output] : of.runtime.secrets().outputs())
      if (output.secret()) secrets.push_back(text_of(output.value()));
  };
  for (const auto& [name, value] : node.runtime.secrets().generated()) secrets.push_back(value);
  for (const auto& [name, value] : node.runtime.secrets().kept()) secrets.push_back(value);
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
  // What goes is not looked up.
  if (!node.tombstone() && !node.moved()) r.resolve_images = resolve_images(node.spec().resolve_images());
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
  if (Node::is_values(node->provider()))
    return fail(Code::kNotFound, "resource " + name + " is nothing that runs: it has no logs");
  if (known == seams_.providers.end())
    return fail(Code::kNotFound, "this agent has no provider \"" + node->provider() + "\"");
  return Handle{known->second, provider_resource(*node)};
}

}  // namespace qleet::agent
