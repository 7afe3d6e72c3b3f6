#include "hub/frontend/census.h"

#include "common/model/deployment_states.h"
#include "hub/controllers/health.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {

const std::vector<std::string>& agent_states() {
  static const std::vector<std::string> states = {"Connected", "Enrolled", "Lost", "Revoked"};
  return states;
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
    const auto state = model::told_state(deployment);
    ++out.deployments[state];
    if (!deployment.spec().deleted()) {
      auto& worst = of_applications[deployment.spec().application()];
      worst = model::worst_of(worst, state);
    }
    if (deployment.spec().rolled_back()) ++out.rolled_back;
    if (deployment.spec().candidate() == 0) continue;
    ++(deployment.spec().candidate_waits() == "environment" ? out.waiting_for_environment
                                                            : out.waiting_for_approval);
  }
  for (const auto& application : TRY(objects::list_readable<v1::Application>(reader))) {
    const auto found = of_applications.find(application.metadata().name());
    ++out.applications[model::told_state(application, found == of_applications.end() ? "" : found->second)];
  }
  return out;
}

}  // namespace qleet::hub::frontend
