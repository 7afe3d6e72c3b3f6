#include "hub/controllers/values.h"

#include <fmt/format.h>

namespace qleet::hub::controllers {
namespace {

void put_over(v1::Workload& workload, const v1::WorkloadValues& values) {
  if (values.has_replicas()) workload.set_replicas(values.replicas());
  auto& score = *workload.mutable_score();
  for (auto& [name, container] : *score.mutable_containers())
    for (const auto& [variable, value] : values.variables())
      (*container.mutable_variables())[variable] = value;
  for (const auto& [alias, params] : values.params()) {
    const auto resource = score.mutable_resources()->find(alias);
    if (resource == score.mutable_resources()->end()) continue;
    for (const auto& [key, value] : params.fields())
      (*resource->second.mutable_params()->mutable_fields())[key] = value;
  }
}

// `field` is `place`, or lies below it.
bool at_or_below(std::string_view field, std::string_view place) {
  if (!field.starts_with(place)) return false;
  const auto rest = field.substr(place.size());
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

}  // namespace

const v1::WorkloadValues* values_of(const v1::Environment& environment, std::string_view application,
                                    std::string_view workload) {
  const auto& applications = environment.spec().applications();
  const auto found = applications.find(std::string(application));
  if (found == applications.end()) return nullptr;
  const auto values = found->second.workloads().find(std::string(workload));
  return values == found->second.workloads().end() ? nullptr : &values->second;
}

bool says_something(const v1::Environment& environment, std::string_view application) {
  return environment.spec().applications().contains(std::string(application));
}

v1::ApplicationSpec with_values(v1::ApplicationSpec spec, const v1::Environment& environment,
                                std::string_view application) {
  for (auto& [name, workload] : *spec.mutable_workloads()) {
    if (const auto* values = values_of(environment, application, name)) put_over(workload, *values);
  }
  return spec;
}

std::optional<std::string> field_in_environment(const v1::Environment& environment,
                                                std::string_view application, std::string_view field) {
  const auto found = environment.spec().applications().find(std::string(application));
  if (found == environment.spec().applications().end()) return std::nullopt;
  for (const auto& [name, values] : found->second.workloads()) {
    const auto own = fmt::format("spec.workloads.{}", name);
    if (!at_or_below(field, own)) continue;
    const auto here = fmt::format("spec.applications.{}.workloads.{}", application, name);
    if (values.has_replicas() && at_or_below(field, own + ".replicas")) return here + ".replicas";
    for (const auto& [alias, params] : values.params()) {
      const auto place = fmt::format("{}.score.resources.{}.params", own, alias);
      for (const auto& [key, value] : params.fields()) {
        const auto param = fmt::format("{}.{}", place, key);
        if (at_or_below(field, param))
          return fmt::format("{}.params.{}{}", here, alias, field.substr(place.size()));
      }
    }
    const auto containers = own + ".score.containers.";
    if (!field.starts_with(containers)) continue;
    for (const auto& [variable, value] : values.variables())
      if (field.ends_with(".variables." + variable)) return fmt::format("{}.variables.{}", here, variable);
  }
  return std::nullopt;
}

}  // namespace qleet::hub::controllers
