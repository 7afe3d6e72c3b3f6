// The pace of a deployment's rollout on the store: what was noted of it, and the way back from a release that
// failed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/deadline.h"
#include "hub/controllers/rollout.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// That this hub heard nothing before now: what agents did while it was away is not known to it.
Result<> note_heard_since(Txn& txn, WallTime now);

// Of its placed regions, as they are now and as the status has them.
Result<Pace> pace_of(Work& work, const v1::Deployment& deployment, const v1::RolloutPolicy& policy,
                     const std::vector<RegionNow>& regions);

// When the wanted release fails in this deployment unless it comes further, as it is noted. nullopt: it is
// ready, it has failed, nothing can be blamed on it now, or the policy has no deadline.
Result<std::optional<WallTime>> fails_at(const Reader& reader, const v1::Deployment& deployment,
                                         const v1::RolloutPolicy& policy);

// "release 5: no progress for 10 min: region eu-1: web: ...".
std::string failure_text(const v1::Deployment& deployment, const v1::RolloutPolicy& policy, const Pace& pace);

// Makes the last good release the wanted one, where the policy says so and there is one; with an event and an
// audit record. `deployment` has failed, and its status says so already.
Result<> return_to_good(Work& work, v1::Deployment& deployment, const v1::RolloutPolicy& policy);

}  // namespace qleet::hub::controllers
