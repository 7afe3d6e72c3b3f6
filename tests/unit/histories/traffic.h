// Which application answers: what routes ask for, worked out from the objects alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/unit/histories/need.h"

namespace qleet::hub::tests {

class Traffic {
 public:
  // Called at each look. Requests that could reach another application than the one whose place it is: one
  // host and path of a region that two deployments run on, and a place below a host that another one had
  // first and does not share.
  std::vector<std::string> look(const Need& need);

 private:
  std::set<std::string> known_;  // routes with their host and path that somebody ran on at the last look
};

}  // namespace qleet::hub::tests
