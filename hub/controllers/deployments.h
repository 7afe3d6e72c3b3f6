// From a deployment to resources: place, resolve per region, roll out, write; and back from the resources'
// reports to the deployment's status. Each function is one deployment's step within the caller's transaction.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Brings everything about the deployment to where it may be now. Running it again changes nothing. Answers
// when time alone may change the outcome.
Result<std::optional<WallTime>> reconcile_deployment(Work& work, const std::string& name);

// Only its status, from what its resources report; resolves nothing. Goes on to reconcile_deployment when the
// reports allow the rollout to go on. Of regions outside of `touched` nothing is read: what the status says
// of them still holds. Empty: all are looked at.
struct Refreshed {
  size_t regions = 0;           // in how many it is
  std::optional<WallTime> due;  // it is to be reconciled then
};
Result<Refreshed> refresh_deployment(Work& work, const std::string& name,
                                     const std::set<std::string>& touched = {});

// True where reconcile_deployment has not seen this state of the deployment yet.
bool needs_reconcile(const v1::Deployment& deployment);

}  // namespace qleet::hub::controllers
