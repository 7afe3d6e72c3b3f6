#include "hub/controllers/health.h"

#include <fmt/format.h>

#include <deque>
#include <set>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/resources.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {
namespace {

// Higher: tells more about the cause.
int weight(const ResourceHealth& health) {
  if (health.health == Health::kReady) return 0;
  const bool waits =
      health.reason == reasons::kWaitingForDependency || health.reason == reasons::kWaitingForAgent;
  if (health.health == Health::kStalled) return waits ? 3 : 4;
  return waits ? 1 : 2;
}

}  // namespace

ResourceHealth health_of(const v1::Resource& resource) {
  const auto& status = resource.status();
  const bool newest = status.observed_generation() == resource.metadata().generation() &&
                      status.observed_hash() == resource.spec().hash();
  if (!newest)
    return {Health::kProgressing, std::string(reasons::kWaitingForAgent),
            "the agent has not reported it yet"};
  if (status.state() == "Ready") return {Health::kReady, std::string(reasons::kAvailable), ""};
  const auto* ready = find_condition(status.conditions(), reasons::kReady);
  ResourceHealth health;
  health.health = status.state() == "Stalled" ? Health::kStalled : Health::kProgressing;
  health.reason = ready == nullptr ? status.state() : ready->reason();
  health.message =
      ready == nullptr || ready->message().empty() ? fmt::format("is {}", status.state()) : ready->message();
  return health;
}

Result<std::vector<v1::Resource>> resources_of(const Reader& reader, std::string_view deployment,
                                               std::string_view region) {
  std::deque<std::string> open;
  std::set<std::string> seen;
  const auto visit = [&](const std::map<std::string, std::string>& used) {
    for (const auto& [name, alias] : used) {
      if (seen.insert(name).second) open.push_back(name);
    }
  };
  visit(TRY(used_by(reader, user_of_deployment(deployment), region)));
  std::vector<v1::Resource> found;
  while (!open.empty()) {
    const auto name = std::move(open.front());
    open.pop_front();
    if (auto resource = TRY(objects::get<v1::Resource>(reader, name))) found.push_back(*std::move(resource));
    visit(TRY(used_by(reader, user_of_resource(name))));
  }
  return found;
}

RegionHealth health_of(const std::vector<v1::Resource>& resources) {
  RegionHealth worst;
  int worst_weight = -1;
  for (const auto& resource : resources) {
    const auto health = health_of(resource);
    // Later ones stand deeper in the graph: of equals, the cause lies there.
    if (weight(health) < worst_weight) continue;
    worst_weight = weight(health);
    worst.health = health.health;
    worst.culprit = resource.metadata().name();
    worst.message = health.message.empty() ? "" : fmt::format("{}: {}", label_of(resource), health.message);
  }
  if (worst.health == Health::kReady) worst.culprit.clear();
  return worst;
}

Connection connection_of(const v1::Region& region) {
  const auto* connected = find_condition(region.status().conditions(), reasons::kConnected);
  if (connected == nullptr || region.status().agent().empty())
    return {false, fmt::format("no agent serves it yet: qleet agent join-token --region {}",
                               region.metadata().name())};
  if (connected->status() == "True") return {true, ""};
  return {false, connected->message()};
}

std::string label_of(const v1::Resource& resource) {
  if (resource.spec().type() == "workload") return resource.spec().id();
  return fmt::format("{} \"{}\"", resource.spec().type(), resource.spec().id());
}

}  // namespace qleet::hub::controllers
