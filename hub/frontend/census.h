// How many there are of what, by state: for the status of everything, and for metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::frontend {

// States that deployments and applications have, best first; of several deployments the last of these is the
// application's.
const std::vector<std::string>& deployment_states();
// Agents' states.
const std::vector<std::string>& agent_states();

// Of a deployment, as it is counted and shown: "Pending" where nothing is said of it yet.
std::string state_of(const v1::Deployment& deployment);
// Of several: the worst. Unknown ones (of a newer hub) are worse than all known.
std::string worst_of(std::string_view a, std::string_view b);

using Counts = std::map<std::string, std::uint32_t, std::less<>>;

struct Census {
  Counts agents;        // revoked ones included
  Counts applications;  // "Deleting": it goes; "Pending": it has no deployment yet
  Counts deployments;
  std::uint32_t regions = 0;
  std::uint32_t regions_served = 0;  // their agent is connected
  std::uint32_t regions_cordoned = 0;
  std::uint32_t waiting_for_approval = 0;  // candidates of deployments
  std::uint32_t waiting_for_environment = 0;
  std::uint32_t rolled_back = 0;  // deployments that the hub or a person has taken back
};

// Objects that cannot be read are left out.
Result<Census> census(const Reader& reader);

}  // namespace qleet::hub::frontend
