// What would come of an operation once everything has settled: the same controllers, on a copy, with agents
// that succeed at once and grace periods that do not have to be waited for.
#pragma once

#include <map>
#include <set>
#include <string>

#include "common/result/result.h"
#include "hub/frontend/frontend.h"

namespace qleet::hub::frontend {

struct Settled {
  std::set<std::string> resources;       // that were written or erased
  std::set<std::string> deployments;     // the same
  std::map<std::string, Millis> graces;  // resources that go because nobody needs them: after how long
  std::set<std::string> under_way;       // resources that were on their way out before: no news
};

// Runs until nothing is left to do about what changed since `before`; the store of `copy` is left in that
// state. The rollouts that this touches go on to their end; what else is under way stands as it is.
Result<Settled> settle_everything(const Context& copy, const Reader& before);

}  // namespace qleet::hub::frontend
