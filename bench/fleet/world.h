// What the scenarios apply: environments of one region and of a hundred, and applications that are nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bench/fleet/fleet.h"
#include "bench/fleet/hub.h"

namespace qleet::bench {

inline constexpr size_t kGroups = 10;   // environments group-0 ... : every tenth agent
inline constexpr size_t kSingles = 20;  // environments one-0 ... : one agent

// Labels that the environments below select by.
std::map<std::string, std::string> labels_of(size_t agent);

// The no-op profile for workloads, and the environments.
std::string environments();

// One workload, one resource in each region of `environment`. `image` tells one version from another.
std::string application(const std::string& name, const std::string& environment, const std::string& image);

// Applies `count` applications, many documents at a time, over several connections; `document` gives each.
// Seconds until the last one was acknowledged.
double apply_all(const Hub& hub, size_t count, const std::function<std::string(size_t)>& document);

// Whether it is Ready with its newest release.
bool deployment_is_ready(const Hub& hub, const std::string& name);
// How many are.
size_t ready_deployments(const Hub& hub);

}  // namespace qleet::bench
