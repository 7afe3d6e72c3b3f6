// When a container of a replica may start (Score: `before`). Pure: tests/unit/container/start_order_test.cc
// is its table.
#pragma once

#include <string>
#include <vector>

#include "providers/container/template.h"
#include "qleet/v1/score.pb.h"

namespace qleet::container {

// Puts containers into the order in which they start, behind the one whose network they share: the first that
// goes on running. What ends before that one starts has a network of its own.
void put_in_order(const v1::Score& score, std::vector<WorkloadContainer>& containers);

struct PartView {
  std::string name;
  bool running = false;
  bool healthy = false;     // its probes succeed; without any: it has run for a moment (steady.h)
  bool ended_well = false;  // with code 0
};

// What it still waits for, for people; empty: it may start. `spec`: as parse_workload gives it.
std::string waits_for(const WorkloadSpec& spec, const WorkloadContainer& container,
                      const std::vector<PartView>& parts);

}  // namespace qleet::container
