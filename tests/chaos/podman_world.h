// What exists in an agent's own podman, asked without the agent's help.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/chaos/record.h"
#include "tests/support/mini_fleet.h"

namespace qleet::chaos {

// The image of the storm's containers, made of the static binary test_web.
void import_web_image(const test::MiniFleet& fleet, const std::string& agent);

struct PodmanThings {
  // By resource: "container <state> <MARK>", "volume", "network".
  std::map<std::string, std::vector<std::string>> of;
  std::vector<std::string> strangers;  // that carry no resource's name
};
PodmanThings podman_things(const test::MiniFleet& fleet, const std::string& agent);

// Each start of a container since the agent's podman exists.
std::vector<Start> podman_starts(const test::MiniFleet& fleet, const std::string& agent);

}  // namespace qleet::chaos
