#include "common/model/deployment_states.h"

#include <algorithm>

#include "common/model/reasons.h"

namespace qleet::model {

const std::vector<std::string>& deployment_states() {
  static const std::vector<std::string> states = {"Ready",
                                                  "AwaitingEnvironment",
                                                  "AwaitingApproval",
                                                  "Pending",
                                                  "RollingOut",
                                                  "Deleting",
                                                  "Stale",
                                                  "Returned",
                                                  "Stalled",
                                                  "Blocked",
                                                  "Failed"};
  return states;
}

std::string told_state(const qleet::v1::Deployment& deployment) {
  const auto& status = deployment.status();
  // A hub of before did not note what its status was about.
  const bool noted = status.observed_generation() != 0;
  if (status.state().empty() || (noted && status.observed_generation() != deployment.metadata().generation()))
    return "RollingOut";
  if (status.state() != "RollingOut") return status.state();
  const auto& conditions = status.conditions();
  const auto ready = std::ranges::find(conditions, reasons::kReady, &qleet::v1::Condition::type);
  return ready != conditions.end() && ready->reason() == reasons::kStale ? "Stale" : "RollingOut";
}

std::string worst_of(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return std::string(a.empty() ? b : a);
  const auto rank = [](std::string_view state) { return std::ranges::find(deployment_states(), state); };
  return std::string(rank(a) < rank(b) ? b : a);
}

std::string told_state(const qleet::v1::Application& application, std::string_view worst) {
  if (application.metadata().has_deletion_timestamp()) return "Deleting";
  return std::string(worst.empty() ? "Pending" : worst);
}

}  // namespace qleet::model
