// What a deployment must consist of in one region, worked out a second time and more simply than the hub's
// resolver does it: for the shapes of dependencies that a history's universe has.
#pragma once

#include <map>
#include <set>
#include <string>

#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::sim {

// Names of all resources that it needs there, at any depth.
std::set<std::string> closure_of(const hub::Reader& reader, const v1::Deployment& deployment,
                                 const std::string& region);

// The rest: empty, or what is wrong.
// Images of the release and variables of the environment, in the workloads of one region.
std::string wrong_content(const hub::Reader& reader, const v1::Deployment& deployment,
                          const std::string& region, const std::map<std::string, v1::Resource>& resources);
// Regions that match the environment's selector, as many as it asks for.
std::string wrong_places(const hub::Reader& reader, const v1::Deployment& deployment);
// A conflict is shown although nobody else asks for what this one asks for in another way.
std::string unfounded_conflict(const hub::Reader& reader, const v1::Deployment& deployment);

}  // namespace qleet::sim
