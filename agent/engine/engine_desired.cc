// What the hub states: from the session into the journal and the graph.
#include <algorithm>

#include "agent/engine/engine.h"
#include "agent/journal/keys.h"

namespace qleet::agent {

Result<> Engine::check(const DesiredChange& change) const {
  for (const auto& resource : change.put)
    if (resource.name().empty() || resource.name().size() > keys::kMaxName)
      return fail(Code::kInvalid, "a resource's name has " + std::to_string(resource.name().size()) +
                                      " characters: must have 1 to " + std::to_string(keys::kMaxName));
  return {};
}

// The hub sends no values where it has none of that version any more: those that are here are as good.
void Engine::keep_box(const wire::v1::DesiredResource& held, wire::v1::DesiredResource& stated) {
  const auto& before = held.secret();
  if (!stated.has_secret() || !stated.secret().box().empty() || before.box().empty()) return;
  if (before.name() != stated.secret().name() || before.version() != stated.secret().version() ||
      held.uid() != stated.uid())
    return;
  stated.mutable_secret()->set_box(before.box());
}

// A tombstone may come without content: what is to be removed is what was stated before.
v1::Desired Engine::merged(const wire::v1::DesiredResource& stated, const std::string& epoch) const {
  v1::Desired desired;
  *desired.mutable_resource() = stated;
  desired.set_epoch(epoch);
  const Node* node = graph_.find(stated.name());
  if (node) keep_box(node->spec(), *desired.mutable_resource());
  if (!node || !stated.deleted()) return desired;
  auto& resource = *desired.mutable_resource();
  if (resource.provider().empty()) resource.set_provider(node->spec().provider());
  if (!resource.has_template_()) *resource.mutable_template_() = node->spec().template_();
  if (resource.dependencies().empty()) *resource.mutable_dependencies() = node->spec().dependencies();
  return desired;
}

Result<> Engine::apply_desired(const DesiredChange& change) {
  TRY(check(change));
  JournalChanges changes;
  v1::Meta meta = meta_;
  meta.set_epoch(change.epoch);
  meta.mutable_lineage()->Assign(change.lineage.begin(), change.lineage.end());
  meta.set_position(change.position);
  changes.meta = meta;
  for (const auto& stated : change.put) {
    auto desired = merged(stated, change.epoch);
    tell_again(desired);
    changes.desired[stated.name()] = std::move(desired);
  }
  for (const auto& name : change.kept)
    if (const auto put = changes.desired.find(name); put != changes.desired.end())
      put->second->set_kept(true);
  for (const auto& name : change.disown) {
    const Node* node = graph_.find(name);
    if (!node || changes.desired.contains(name)) continue;
    v1::Desired disowned = node->desired;
    disowned.clear_epoch();
    disowned.clear_kept();
    changes.desired[name] = std::move(disowned);
  }
  std::vector<std::string> forgotten;
  for (const auto& name : change.forget) {
    const Node* node = graph_.find(name);
    if (!node || !node->gone() || changes.desired.contains(name)) continue;
    changes.desired[name] = std::nullopt;
    changes.runtime[name] = std::nullopt;
    forgotten.push_back(name);
  }
  TRY(flush(changes));

  meta_ = std::move(meta);
  for (const auto& stated : change.put) put(stated, *changes.desired.at(stated.name()));
  for (const auto& name : change.disown)
    if (Node* node = graph_.find(name); node && changes.desired.at(name)->epoch().empty())
      node->desired = *changes.desired.at(name);
  for (const auto& name : forgotten) {
    timers_.clear(name);
    board_.erase(name);
    graph_.erase(name);
  }
  return {};
}

// Another hub, or another object: what was confirmed was of something else, so it is told again even where it
// says the same. In the commit that brings it: after one that ends between two, nobody would.
void Engine::tell_again(const v1::Desired& desired) {
  Node* node = graph_.find(desired.resource().name());
  if (!node || !node->runtime.has_report()) return;
  if (node->desired.epoch() == desired.epoch() && node->spec().uid() == desired.resource().uid()) return;
  report_again(*node, node->runtime.report().version() + 1);
  enqueue(node->name);
}

void Engine::put(const wire::v1::DesiredResource& stated, const v1::Desired& desired) {
  const bool known = graph_.find(stated.name()) != nullptr;
  Node& node = graph_.add(stated.name());
  const bool changed = !known || node.spec().generation() != stated.generation() ||
                       node.spec().hash() != stated.hash() || node.spec().deleted() != stated.deleted() ||
                       node.spec().uid() != stated.uid() ||
                       node.spec().secret().box() != desired.resource().secret().box();
  node.desired = desired;
  if (!changed) return;
  if (!stated.deleted() && node.gone()) {
    node.runtime.set_gone(false);
    ledger_.runtime_changed(node.name);
  }
  node.inputs_stale = true;
  node.retry = {};
  node.look_anew();
  node.ready = false;
  enqueue(node.name);
  // A tombstone that it no longer depends on may go on.
  for (const auto& name : graph_.refresh_edges(node)) enqueue(name);
  enqueue_dependents(node, true);
}

Holding Engine::holding() const {
  Holding holding{.epoch = meta_.epoch(),
                  .position = meta_.position(),
                  .resources = {},
                  .lineage = {meta_.lineage().begin(), meta_.lineage().end()}};
  for (const auto& [name, node] : graph_.nodes())
    holding.resources.push_back({.name = name,
                                 .generation = node->spec().generation(),
                                 .hash = node->spec().hash(),
                                 .epoch = node->desired.epoch(),
                                 .deleted = node->spec().deleted(),
                                 .uid = node->spec().uid(),
                                 .kept = node->desired.kept()});
  return holding;
}

}  // namespace qleet::agent
