#include "agent/engine/graph.h"

#include <algorithm>

#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

constexpr size_t kMaxWhy = 500;

// What it waits for; empty where it does not.
std::string waits_for(const ::qleet::v1::Condition& ready) {
  constexpr std::string_view kWaits = "waits for ";
  const auto begin = ready.message().find(kWaits);
  if (ready.reason() != reasons::kWaitingForDependency || begin == std::string::npos) return {};
  return ready.message().substr(begin + kWaits.size());
}

std::string shortened(std::string text) {
  if (text.size() > kMaxWhy) text = text.substr(0, kMaxWhy) + "...";
  return text;
}

// What is on its way is told by its message alone.
std::string why_not_ready(const ::qleet::v1::Condition& ready) {
  const bool on_its_way = ready.reason() == reasons::kCreating || ready.reason() == reasons::kUpdating;
  if (!on_its_way) return ready.reason() + (ready.message().empty() ? "" : ": " + ready.message());
  if (!ready.message().empty()) return ready.message();
  return ready.reason() == reasons::kCreating ? "is being made" : "is being changed";
}

Blocker blocker_of(const std::string& alias, const std::string& name, const Node* dependency) {
  if (!dependency) return {alias, name, "is not here yet"};
  if (dependency->tombstone()) return {alias, name, "is being deleted"};
  for (const auto& condition : dependency->runtime.report().conditions()) {
    if (condition.type() != reasons::kReady) continue;
    auto waits = waits_for(condition);
    if (!waits.empty()) return {alias, name, shortened(std::move(waits)), true};
    return {alias, name, shortened(why_not_ready(condition))};
  }
  return {alias, name, "is not ready yet"};
}

}  // namespace

Node* Graph::find(const std::string& name) {
  const auto known = nodes_.find(name);
  return known == nodes_.end() ? nullptr : known->second.get();
}

const Node* Graph::find(const std::string& name) const {
  const auto known = nodes_.find(name);
  return known == nodes_.end() ? nullptr : known->second.get();
}

Node& Graph::add(const std::string& name) {
  auto& node = nodes_[name];
  if (!node) node = std::make_unique<Node>();
  node->name = name;
  return *node;
}

void Graph::erase(const std::string& name) {
  for (const auto& used : uses_[name]) {
    auto& users = dependents_[used];
    users.erase(name);
    if (users.empty()) dependents_.erase(used);
  }
  uses_.erase(name);
  nodes_.erase(name);
}

std::vector<std::string> Graph::refresh_edges(const Node& node) {
  std::set<std::string> now;
  if (!node.gone()) {
    for (const auto& [alias, name] : node.spec().dependencies()) now.insert(name);
    for (const auto& name : node.runtime.drawn_on()) now.insert(name);
  }
  auto& before = uses_[node.name];
  std::vector<std::string> dropped;
  std::ranges::set_difference(before, now, std::back_inserter(dropped));
  for (const auto& name : dropped) {
    auto& users = dependents_[name];
    users.erase(node.name);
    if (users.empty()) dependents_.erase(name);
  }
  for (const auto& name : now) dependents_[name].insert(node.name);
  before = std::move(now);
  return dropped;
}

const std::set<std::string>& Graph::dependents(const std::string& name) const {
  static const std::set<std::string> kNone;
  const auto known = dependents_.find(name);
  return known == dependents_.end() ? kNone : known->second;
}

std::vector<Blocker> Graph::blockers(const Node& node) const {
  std::vector<Blocker> blockers;
  for (const auto& [alias, name] : node.spec().dependencies()) {
    const Node* dependency = find(name);
    if (dependency && dependency->ready && !dependency->tombstone()) continue;
    blockers.push_back(blocker_of(alias, name, dependency));
  }
  std::ranges::sort(blockers, {}, &Blocker::alias);
  return blockers;
}

bool Graph::inputs_known(const Node& node) const {
  for (const auto& [alias, name] : node.spec().dependencies()) {
    const Node* dependency = find(name);
    if (!dependency || dependency->runtime.applied_hash().empty()) return false;
  }
  return true;
}

Inputs Graph::inputs(const Node& node) const {
  Inputs inputs;
  inputs.generated = &node.runtime.secrets().generated();
  for (const auto& [alias, name] : node.spec().dependencies())
    if (const Node* dependency = find(name))
      inputs.dependencies[alias] = {dependency->spec().id(), &dependency->runtime.secrets().outputs()};
  return inputs;
}

}  // namespace qleet::agent
