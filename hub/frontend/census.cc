#include "hub/frontend/census.h"

#include <algorithm>

#include "hub/controllers/health.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {

const std::vector<std::string>& deployment_states() {
  static const std::vector<std::string> states = {"Ready",
                                                  "AwaitingApproval",
                                                  "AwaitingEnvironment",
                                                  "RollingOut",
                                                  "Pending",
                                                  "Deleting",
                                                  "Degraded",
                                                  "Stale",
                                                  "Blocked",
                                                  "Stalled",
                                                  "Failed"};
  return states;
}

const std::vector<std::string>& agent_states() {
  static const std::vector<std::string> states = {"Connected", "Enrolled", "Lost", "Revoked"};
  return states;
}

std::string state_of(const v1::Deployment& deployment) {
  return deployment.status().state().empty() ? "Pending" : deployment.status().state();
}

std::string worst_of(std::string_view a, std::string_view b) {
  const auto rank = [](std::string_view state) { return std::ranges::find(deployment_states(), state); };
  return std::string(rank(a) < rank(b) ? b : a);
}

Result<Census> census(const Reader& reader) {
  Census out;
  for (const auto& agent : TRY(objects::list_readable<v1::Agent>(reader)))
    ++out.agents[agent.status().state().empty() ? "Enrolled" : agent.status().state()];
  for (const auto& region : TRY(objects::list_readable<v1::Region>(reader))) {
    ++out.regions;
    if (controllers::connection_of(region).connected) ++out.regions_served;
    if (region.spec().cordoned()) ++out.regions_cordoned;
  }
  std::map<std::string, std::string> of_applications;
  for (const auto& deployment : TRY(objects::list_readable<v1::Deployment>(reader))) {
    const auto state = state_of(deployment);
    ++out.deployments[state];
    auto& worst = of_applications[deployment.spec().application()];
    worst = worst.empty() ? state : worst_of(worst, state);
    if (deployment.spec().rolled_back()) ++out.rolled_back;
    if (deployment.spec().candidate() == 0) continue;
    ++(deployment.spec().candidate_waits() == "environment" ? out.waiting_for_environment
                                                            : out.waiting_for_approval);
  }
  for (const auto& application : TRY(objects::list_readable<v1::Application>(reader))) {
    const auto found = of_applications.find(application.metadata().name());
    ++out.applications[application.metadata().has_deletion_timestamp() ? "Deleting"
                       : found == of_applications.end()                ? "Pending"
                                                                       : found->second];
  }
  return out;
}

}  // namespace qleet::hub::frontend
