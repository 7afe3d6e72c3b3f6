// Environments, regions and agents: which regions an environment may use, and whether they can be reached.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/placement.h"
#include "hub/controllers/work.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

// Environment.status.regions: those that its selector matches. Looks at all regions.
Result<> refresh_environment(Work& work, const std::string& name);

// The same for one region that came, changed or went, over all environments.
Result<> refresh_region(Work& work, const std::string& name);
// The same for several, at once. Returns how many regions the largest environment has.
Result<size_t> refresh_regions(Work& work, const std::set<std::string>& names);

// Region.status.agent and its condition Connected, from the agent's state.
Result<> refresh_agent(Work& work, const std::string& name);

// The same for regions that no profile's selector can tell apart.
std::string label_key(const v1::Region& region);

struct Places {
  Placement placement;
  std::map<std::string, v1::Region> regions;  // chosen and current ones
};

// Of the regions that no profile's selector can tell apart one: that of the longest name, for names become
// part of what must not be too long. They live as long as `places`.
std::vector<const v1::Region*> unlike_regions(const Places& places);

// Where a deployment in this environment belongs, given where it is. `narrowed`: a label selector of the
// application over the regions that the environment allows; empty: all of them. Reads the regions that match,
// and all of them only to explain why none does.
Result<Places> find_places(const Reader& reader, const v1::Environment& environment,
                           const std::vector<std::string>& current, const std::string& narrowed);

}  // namespace qleet::hub::controllers
