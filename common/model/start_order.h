// In which order the containers of a Score workload start. Pure.
#pragma once

#include <string>
#include <vector>

#include "qleet/v1/score.pb.h"

namespace qleet::model {

// Each after those that it names under `before`, else by name. What stands in a circle, or behind one, is
// left out.
std::vector<std::string> start_order(const qleet::v1::Score& score);

// Containers that wait for each other, the first one again at the end; empty where none do.
std::vector<std::string> circle_of_starts(const qleet::v1::Score& score);

// Whether it is to end, with code 0, before another one starts.
bool is_one_shot(const qleet::v1::Score& score, const std::string& container);

}  // namespace qleet::model
