// The status of a deployment, written in one place: state, regions, conditions, and an Event when it changes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/deadline.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/rollout.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

struct RefusedRegion {
  std::string region;
  std::uint32_t release = 0;  // that it has and keeps
  Refusal refusal;
};

struct Outcome {
  Rollout rollout;
  Pace pace;
  std::string failure;  // why it has failed; empty: it has not
  std::vector<RefusedRegion> refused;
  std::optional<Refusal> blocked;  // the first thing that a person has to change
  std::string placement_message;
  std::set<std::string> warnings;  // of what is shared though not everybody asked for it by id
};

// After a whole reconciliation.
Result<> write_status(Work& work, v1::Deployment& deployment, const Outcome& outcome);

// After a look at the reports alone: what was placed and resolved stays as it was.
Result<> refresh_status(Work& work, v1::Deployment& deployment, const Outcome& outcome);

// While it is being taken down; its regions have been set by the caller.
Result<> write_deleting(Work& work, v1::Deployment& deployment);

}  // namespace qleet::hub::controllers
