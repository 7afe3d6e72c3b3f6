// Volumes that a Score document mounts.
#pragma once

#include <string>
#include <vector>

#include "qleet/v1/score.pb.h"

namespace qleet::model {

// Names by which containers mount a volume that is none of the workload's resources: each is one all the
// same, of type volume and the workload's own. Sorted.
std::vector<std::string> undeclared_volumes(const qleet::v1::Score& score);

}  // namespace qleet::model
