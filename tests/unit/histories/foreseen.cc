#include "tests/unit/histories/foreseen.h"

namespace qleet::hub::tests {
namespace {

constexpr int kMaxRounds = 300;
// Grace periods follow one another down the graph.
constexpr int kLevels = 8;

void come_to_rest(Scene& scene, LateAgents& agents) {
  for (int round = 0; round < kMaxRounds; ++round) {
    scene.run();
    if (!agents.finish(scene)) return;
  }
  throw Broken("agents and controllers do not come to rest");
}

}  // namespace

Standings standings_of(const Scene& scene) {
  Standings all;
  for (const auto& resource : scene.all<v1::Resource>()) {
    all[resource.metadata().name()] = {!resource.spec().deleted(), resource.status().has_unused_since(),
                                       resource.spec().hash()};
  }
  return all;
}

void settle_for_good(Scene& scene, LateAgents& agents, const std::vector<std::string>& regions) {
  for (const auto& region : regions) {
    agents.set_away(region, false);
    scene.set_agent(region, "Connected");
  }
  come_to_rest(scene, agents);
  for (int level = 0; level < kLevels; ++level) {
    scene.clock.advance(std::chrono::minutes(61));
    come_to_rest(scene, agents);
  }
}

std::string action(const Standings& before, const Standings& after, const std::string& resource) {
  const auto old = before.find(resource);
  const auto now = after.find(resource);
  const bool was = old != before.end() && old->second.wanted;
  const bool is = now != after.end() && now->second.wanted;
  if (!is) return was ? "remove" : "";
  if (!was) return old == before.end() ? "create" : "revive";
  if (old->second.unused && !now->second.unused) return "revive";
  if (!old->second.unused && now->second.unused) return "retain";
  return old->second.hash == now->second.hash ? "" : "change";
}

}  // namespace qleet::hub::tests
