// What an operation does to resources, found by doing it on a copy and letting everything settle.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/unit/histories/late_agents.h"
#include "tests/unit/histories/scene.h"

namespace qleet::hub::tests {

// A resource as a plan speaks of it.
struct Standing {
  bool wanted = false;  // false: a tombstone
  bool unused = false;
  std::string hash;
};
using Standings = std::map<std::string, Standing>;

Standings standings_of(const Scene& scene);

// All agents there, nothing left to do, and all grace periods over.
void settle_for_good(Scene& scene, LateAgents& agents, const std::vector<std::string>& regions);

// "create", "change", "revive", "retain", "remove"; empty: nothing happens to it.
std::string action(const Standings& before, const Standings& after, const std::string& resource);

}  // namespace qleet::hub::tests
