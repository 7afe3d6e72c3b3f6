#include "hub/api/application_status.h"

#include <fmt/format.h>

#include "common/model/deployment_states.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {

void tell_status(const std::vector<v1::Deployment>& deployments, v1::Application& application) {
  auto& status = *application.mutable_status();
  std::string worst;
  status.clear_state();
  status.clear_ready();
  status.clear_replicas();
  status.clear_restarts();
  for (const auto& deployment : deployments) {
    if (deployment.spec().deleted()) continue;
    worst = model::worst_of(worst, model::told_state(deployment));
    status.set_ready(status.ready() + deployment.status().ready());
    status.set_replicas(status.replicas() + deployment.status().replicas());
    status.set_restarts(status.restarts() + deployment.status().restarts());
  }
  status.set_state(model::told_state(application, worst));
}

Result<> tell_status(const Reader& reader, v1::Application& application) {
  const auto prefix = application.metadata().name() + ".";
  tell_status(TRY(objects::list_readable<v1::Deployment>(reader, {.name_prefix = prefix})), application);
  return {};
}

std::string told_status(const v1::Application& application) {
  const auto& status = application.status();
  return fmt::format("{}-{}-{}-{}", status.state(), status.ready(), status.replicas(), status.restarts());
}

std::string_view application_of(std::string_view deployment) {
  return deployment.substr(0, deployment.find('.'));
}

}  // namespace qleet::hub::api
