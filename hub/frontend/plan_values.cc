#include "hub/frontend/plan_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/model/checks.h"
#include "hub/controllers/identity.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/values.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {
namespace {

bool gives_to_workload(const v1::WorkloadValues& values, std::string_view path) {
  if (path == "replicas") return values.has_replicas();
  if (!path.starts_with("score.containers.")) return false;
  return std::ranges::any_of(values.variables(), [&](const auto& variable) {
    return path.ends_with(".variables." + variable.first);
  });
}

// "db,cache": the names under which a workload asks for one resource.
bool gives_to_resource(const v1::WorkloadValues& values, std::string_view aliases, std::string_view path) {
  return std::ranges::any_of(values.params(), [&](const auto& params) {
    const auto listed = fmt::format(",{},", aliases);
    return listed.find(fmt::format(",{},", params.first)) != std::string::npos &&
           params.second.fields().contains(std::string(path));
  });
}

// Whether the environment, as it stands in `reader`, gives what is at that path of the resource's template.
// Of other resources than workloads it gives params, which profiles put into templates mostly by the same
// name.
Result<bool> gives(const Reader& reader, const std::string& resource, const v1::ResourceSpec& spec,
                   std::string_view path) {
  const auto environment = TRY(objects::get<v1::Environment>(reader, spec.environment()));
  if (!environment || !controllers::says_something(*environment, spec.application())) return false;
  if (spec.type() == "workload") {
    const auto* values = controllers::values_of(*environment, spec.application(), spec.id());
    return values != nullptr && gives_to_workload(*values, path);
  }
  for (const auto& use : TRY(controllers::users_of(reader, resource))) {
    const auto user = controllers::parse_resource_name(std::string_view(use.user).substr(2));
    if (!use.user.starts_with("r:") || !user || user->type != "workload") continue;
    const auto* values = controllers::values_of(*environment, user->application, user->id);
    if (values != nullptr && gives_to_resource(*values, use.alias, path)) return true;
  }
  return false;
}

}  // namespace

Result<std::string> origin_of(const Reader& before, const Reader& after, const std::string& resource,
                              const v1::ResourceSpec& spec, std::string_view path) {
  if (spec.environment().empty()) return std::string();
  if (TRY(gives(after, resource, spec, path))) return fmt::format(" (environment {})", spec.environment());
  if (TRY(gives(before, resource, spec, path)))
    return fmt::format(" (no longer given by environment {})", spec.environment());
  return std::string();
}

Result<std::vector<std::string>> given_by_environment(const Reader& after, const v1::ResourceSpec& spec) {
  std::vector<std::string> texts;
  if (spec.type() != "workload") return texts;
  const auto environment = TRY(objects::get<v1::Environment>(after, spec.environment()));
  const auto* values =
      environment ? controllers::values_of(*environment, spec.application(), spec.id()) : nullptr;
  if (values == nullptr) return texts;
  if (values->has_replicas())
    texts.push_back(fmt::format("replicas {} (environment {})", values->replicas(), spec.environment()));
  for (const auto& name : model::sorted_keys(values->variables()))
    texts.push_back(fmt::format("variable {} (environment {})", name, spec.environment()));
  for (const auto& alias : model::sorted_keys(values->params()))
    texts.push_back(fmt::format("params of {} (environment {})", alias, spec.environment()));
  return texts;
}

}  // namespace qleet::hub::frontend
