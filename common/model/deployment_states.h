// How a deployment is said to do, and of several the worst: one order for all that tell it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::model {

// States that deployments and applications have, best first. "Pending" and "Deleting" are applications' own,
// but for a deployment that goes.
const std::vector<std::string>& deployment_states();

// As it is counted and shown: "RollingOut" where nothing is said yet of what is wanted now, "Stale" where
// only lost regions are waited for.
std::string told_state(const qleet::v1::Deployment& deployment);

// Of two: the worse. Unknown ones (of a newer hub) are worse than all known; an empty one is none.
std::string worst_of(std::string_view a, std::string_view b);

// An application's; `worst` of its deployments that it still wants, empty where there are none.
std::string told_state(const qleet::v1::Application& application, std::string_view worst);

}  // namespace qleet::model
