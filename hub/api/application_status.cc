#include "hub/api/application_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/model/reasons.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

// Worst first.
constexpr std::array<std::string_view, 9> kStates{
    "Failed", "Blocked",    "Stalled",          "Returned",
    "Stale",  "RollingOut", "AwaitingApproval", "AwaitingEnvironment",
    "Ready"};

std::string_view state_of(const v1::Deployment& deployment) {
  const auto& status = deployment.status();
  // A hub of before did not note what its status was about.
  const bool noted = status.observed_generation() != 0;
  if (noted && status.observed_generation() != deployment.metadata().generation()) return "RollingOut";
  const auto known = std::ranges::find(kStates, status.state());
  if (known == kStates.end() || *known != "RollingOut") return known == kStates.end() ? "RollingOut" : *known;
  const auto& conditions = status.conditions();
  const auto ready = std::ranges::find(conditions, reasons::kReady, &v1::Condition::type);
  return ready != conditions.end() && ready->reason() == reasons::kStale ? "Stale" : "RollingOut";
}

}  // namespace

void tell_status(const std::vector<v1::Deployment>& deployments, v1::Application& application) {
  auto& status = *application.mutable_status();
  const std::string_view* worst = nullptr;
  status.clear_state();
  status.clear_ready();
  status.clear_replicas();
  status.clear_restarts();
  for (const auto& deployment : deployments) {
    if (deployment.spec().deleted()) continue;
    const auto* state = std::ranges::find(kStates, state_of(deployment));
    if (worst == nullptr || state < worst) worst = state;
    status.set_ready(status.ready() + deployment.status().ready());
    status.set_replicas(status.replicas() + deployment.status().replicas());
    status.set_restarts(status.restarts() + deployment.status().restarts());
  }
  status.set_state(application.metadata().has_deletion_timestamp() ? "Deleting"
                   : worst == nullptr                              ? "Pending"
                                                                   : std::string(*worst));
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
