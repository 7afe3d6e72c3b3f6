// The resources of this agent and who needs whom.
//
// An edge stands for a dependency that the hub states, and for one that what exists was made with: a database
// stays until the workload that was started with it has really changed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/decide.h"
#include "agent/engine/node.h"

namespace qleet::agent {

// One thread. Nodes keep their address until they are erased.
class Graph {
 public:
  Node* find(const std::string& name);
  const Node* find(const std::string& name) const;
  Node& add(const std::string& name);
  void erase(const std::string& name);
  const std::map<std::string, std::unique_ptr<Node>>& nodes() const { return nodes_; }

  // Call after a change of what `node` depends on. Returns the names that it no longer depends on.
  std::vector<std::string> refresh_edges(const Node& node);
  // Names that depend on `name`.
  const std::set<std::string>& dependents(const std::string& name) const;

  // The dependencies of `node` that are not ready.
  std::vector<Blocker> blockers(const Node& node) const;
  // False while a dependency has never been ready: nothing can be filled in then.
  bool inputs_known(const Node& node) const;
  // As far as they are known.
  Inputs inputs(const Node& node) const;

 private:
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::map<std::string, std::set<std::string>> dependents_;
  std::map<std::string, std::set<std::string>> uses_;  // the reverse
};

}  // namespace qleet::agent
