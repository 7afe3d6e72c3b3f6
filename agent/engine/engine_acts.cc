// One resource: its steps, and what follows from their success.
#include <algorithm>
#include <set>

#include "agent/engine/delays.h"
#include "agent/engine/engine.h"
#include "agent/engine/kept_secrets.h"
#include "agent/engine/render.h"
#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

// Repairs that follow each other faster than this are spaced like failed tries: someone else works against
// us.
constexpr Millis kRepairWindow{600'000};

std::set<std::string> dependency_names(const Node& node) {
  std::set<std::string> names;
  for (const auto& [alias, name] : node.spec().dependencies()) names.insert(name);
  return names;
}

bool same_output(const v1::Output& a, const v1::Output& b) {
  return a.secret() == b.secret() && a.value().kind_case() == b.value().kind_case() &&
         text_of(a.value()) == text_of(b.value());
}

bool same_outputs(const OutputMap& a, const OutputMap& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& entry) {
           const auto other = b.find(entry.first);
           return other != b.end() && same_output(entry.second, other->second);
         });
}

}  // namespace

void Engine::observe(Node& node) {
  node.in_flight = true;
  node.step_since = seams_.clock.mono();
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
  drawn_on.merge(dependency_names(node));
  node.runtime.mutable_drawn_on()->Assign(drawn_on.begin(), drawn_on.end());
  if (node.runtime.intent_hash() != before.intent_hash() || node.runtime.removing() != before.removing() ||
      node.runtime.made_by() != before.made_by() || node.runtime.drawn_on_size() != before.drawn_on_size())
    ledger_.runtime_changed(node.name);
  graph_.refresh_edges(node);
  node.in_flight = true;
  node.step_since = seams_.clock.mono();
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
  node.step_since = seams_.clock.mono();
  acts_.push_back({node.name, StepKind::kRemove});
}

// True where the outputs changed. A failure to make them turns the decision into one that says so.
bool Engine::done(Node& node, Decision& decision) {
  auto outputs = outputs_of(node);
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
  // Secrets that were kept with it went with its record: no new one opens what is there.
  if (runtime.lost() && holds_data(graph_, node) && runtime.secrets().kept().empty()) after.set_found(true);
  after.clear_lost();
  after.set_removing(false);
  after.set_made_by(node.spec().provider());
  const auto drawn_on = dependency_names(node);
  after.mutable_drawn_on()->Assign(drawn_on.begin(), drawn_on.end());
  *after.mutable_secrets()->mutable_outputs() = std::move(*outputs);

  const bool outputs_changed = !same_outputs(runtime.secrets().outputs(), after.secrets().outputs());
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
  node.secrets_lost = false;
  timers_.clear(node.name);
  show(node, {});
  ledger_.runtime_changed(node.name);
  enqueue_dependents(node, true);
  for (const auto& name : graph_.refresh_edges(node)) enqueue(name);
}

}  // namespace qleet::agent
