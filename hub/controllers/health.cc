#include "hub/controllers/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "hub/store/resource_sketch.h"

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

// Where nobody said more.
std::string step_of(std::string_view state) {
  if (state == "Pending") return "waits for its agent to begin";
  if (state == "Waiting") return "waits for what it stands on";
  if (state == "Progressing") return "its agent is at work on it";
  return fmt::format("is {}", state);
}

ResourceHealth health_of(const v1::ResourceStatus& status, std::uint32_t generation, std::string_view hash) {
  if (status.observed_generation() != generation || status.observed_hash() != hash)
    return {Health::kProgressing, std::string(reasons::kWaitingForAgent), "waits for its agent to begin"};
  if (status.state() == "Ready") return {Health::kReady, std::string(reasons::kAvailable), ""};
  const auto* ready = find_condition(status.conditions(), reasons::kReady);
  ResourceHealth health;
  health.health = status.state() == "Stalled" ? Health::kStalled : Health::kProgressing;
  health.reason = ready == nullptr ? status.state() : ready->reason();
  health.message = ready == nullptr || ready->message().empty() ? step_of(status.state()) : ready->message();
  return health;
}

std::string label_of(std::string_view type, std::string_view id) {
  if (type == "workload") return std::string(id);
  return fmt::format("{} \"{}\"", type, id);
}

Result<ResourceView> view_of(const Entry& entry) {
  const auto read = TRY(sketch(entry.value));
  return ResourceView{.name = std::string(read.name),
                      .type = std::string(read.type),
                      .id = std::string(read.id),
                      .profile = std::string(read.profile),
                      .profile_generation = read.profile_generation,
                      .generation = read.generation,
                      .hash = std::string(read.hash),
                      .replicas = read.type == "workload" ? read.replicas() : std::nullopt,
                      .resolves_images = read.resolves_images,
                      .status = TRY(read.read_status())};
}

}  // namespace

ResourceHealth health_of(const v1::Resource& resource) {
  return health_of(resource.status(), resource.metadata().generation(), resource.spec().hash());
}

ResourceHealth health_of(const ResourceView& resource) {
  return health_of(resource.status, resource.generation, resource.hash);
}

Result<std::vector<ResourceView>> resources_of(const Reader& reader, std::string_view deployment,
                                               std::string_view region) {
  std::deque<std::string> open;
  std::set<std::string> seen;
  const auto visit = [&](const std::map<std::string, std::string>& used) {
    for (const auto& [name, alias] : used) {
      if (seen.insert(name).second) open.push_back(name);
    }
  };
  visit(TRY(used_by(reader, user_of_deployment(deployment), region)));
  std::vector<ResourceView> found;
  while (!open.empty()) {
    const auto name = std::move(open.front());
    open.pop_front();
    if (const auto entry = TRY(reader.get(keys::object("resources", name))))
      found.push_back(TRY(view_of(*entry)));
    visit(TRY(used_by(reader, user_of_resource(name))));
  }
  return found;
}

namespace {

bool is_observed(const ResourceView& resource) {
  return resource.status.observed_generation() == resource.generation &&
         resource.status.observed_hash() == resource.hash;
}

std::uint32_t reached(const ResourceView& resource) {
  if (!is_observed(resource)) return 0;
  const bool images = !resource.resolves_images || !resource.status.images().empty();
  const auto replicas = resource.type == "workload" ? resource.status.updated() : 0U;
  return 1 + (images ? 1U : 0U) + replicas + (resource.status.state() == "Ready" ? 1U : 0U);
}

}  // namespace

Replicas replicas_of(const ResourceView& resource) {
  if (resource.type != "workload") return {};
  const auto& status = resource.status;
  Replicas out{.ready = status.ready(),
               .wanted = resource.replicas.value_or(status.replicas()),
               .restarts = status.restarts()};
  // Agents of before tell no numbers.
  const bool untold = status.replicas() == 0 && status.ready() == 0;
  if (untold && is_observed(resource) && status.state() == "Ready") out.ready = out.wanted;
  out.ready = std::min(out.ready, out.wanted);
  return out;
}

bool RegionHealth::blamed() const {
  const bool missing = health == Health::kProgressing || health == Health::kStalled;
  return missing && reason != reasons::kWaitingForAgent;
}

RegionHealth health_of(const std::vector<ResourceView>& resources) {
  RegionHealth worst;
  int worst_weight = -1;
  for (const auto& resource : resources) {
    const auto replicas = replicas_of(resource);
    worst.replicas.ready += replicas.ready;
    worst.replicas.wanted += replicas.wanted;
    worst.replicas.restarts += replicas.restarts;
    worst.reached += reached(resource);
    const auto health = health_of(resource);
    // Later ones stand deeper in the graph: of equals, the cause lies there.
    if (weight(health) < worst_weight) continue;
    worst_weight = weight(health);
    worst.health = health.health;
    worst.culprit = resource.name;
    worst.reason = health.reason;
    worst.message = health.message.empty()
                        ? ""
                        : fmt::format("{}: {}", label_of(resource.type, resource.id), health.message);
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
  return label_of(resource.spec().type(), resource.spec().id());
}

}  // namespace qleet::hub::controllers
