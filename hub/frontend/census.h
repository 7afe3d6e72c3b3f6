// How many there are of what, by state: for the status of everything, and for metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"

namespace qleet::hub::frontend {

// Agents' states.
const std::vector<std::string>& agent_states();

using Counts = std::map<std::string, std::uint32_t, std::less<>>;

struct Census {
  Counts agents;  // revoked ones included
  // By model::told_state.
  Counts applications;
  Counts deployments;
  std::uint32_t regions = 0;
  std::uint32_t regions_served = 0;  // their agent is connected
  std::uint32_t regions_cordoned = 0;
  std::uint32_t waiting_for_approval = 0;  // candidates of deployments
  std::uint32_t waiting_for_environment = 0;
  std::uint32_t rolled_back = 0;  // deployments that a person has taken back, and builds do not replace
};

// Objects that cannot be read are left out.
Result<Census> census(const Reader& reader);

}  // namespace qleet::hub::frontend
