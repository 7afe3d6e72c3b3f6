// How the resources of a deployment report. The one place that says what "ready" means: an agent reported
// Ready for exactly the generation and hash that are wanted, and that agent is connected.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/rollout.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

struct ResourceHealth {
  Health health = Health::kProgressing;
  std::string reason;   // common/model/reasons.h
  std::string message;  // empty when ready
};

ResourceHealth health_of(const v1::Resource& resource);

// What is wanted of a resource and what was said of it, without its content.
struct ResourceView {
  std::string name;
  std::string type;
  std::string id;
  std::string profile;
  std::uint32_t profile_generation = 0;
  std::uint32_t generation = 0;
  std::string hash;
  std::optional<std::uint32_t> replicas;  // wanted; of workloads
  bool resolves_images = false;           // asks for its images' digests
  v1::ResourceStatus status;
};
ResourceHealth health_of(const ResourceView& resource);

// Zero for what is no workload.
Replicas replicas_of(const ResourceView& resource);

struct RegionHealth {
  Health health = Health::kNone;  // kNone: it has no resources there
  std::string message;            // the last cause, with the resource it is about
  std::string culprit;            // that resource's name
  std::string reason;             // common/model/reasons.h
  Replicas replicas;
  // Grows with every step towards ready: taken up by its agent, images known, replicas replaced, ready.
  std::uint32_t reached = 0;

  // Something is missing, and it is not that the agent has yet to look.
  bool blamed() const;
};

// Every resource that the deployment needs in the region, at any depth, each once.
Result<std::vector<ResourceView>> resources_of(const Reader& reader, std::string_view deployment,
                                               std::string_view region);
// The worst of them; where several wait, the one that the others wait for.
RegionHealth health_of(const std::vector<ResourceView>& resources);

struct Connection {
  bool connected = false;
  std::string message;  // why not
};
// Whether the region's agent can be believed to be there.
Connection connection_of(const v1::Region& region);

// "postgres \"web.db\"", or "web" for a workload.
std::string label_of(const v1::Resource& resource);

}  // namespace qleet::hub::controllers
