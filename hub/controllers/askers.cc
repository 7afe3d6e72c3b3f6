#include "hub/controllers/askers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/params_check.h"
#include "hub/controllers/profiles.h"

namespace qleet::hub::controllers {

bool workloads_may_ask(const v1::Profile& profile) {
  const auto& askers = profile.spec().askers();
  return askers.has_workloads() ? askers.workloads() : scope_of(profile) != "region";
}

std::optional<Denial> why_denied(const v1::Profile& profile, const google::protobuf::Struct& params,
                                 const std::vector<std::string>* roles) {
  const auto& name = profile.metadata().name();
  const auto& askers = profile.spec().askers();
  if (!workloads_may_ask(profile)) {
    return Denial{
        fmt::format("profile \"{}\": only other profiles may ask for it, by their requires; ask for "
                    "what they offer, or the operator opens it with spec.askers.workloads: true",
                    name),
        ""};
  }
  const auto has_role = [&](const std::string& role) {
    return std::ranges::find(*roles, role) != roles->end();
  };
  if (roles != nullptr && !askers.roles().empty() && std::ranges::none_of(askers.roles(), has_role)) {
    return Denial{
        fmt::format("profile \"{}\": only who has one of the roles {} may ask for it, and who applies "
                    "this has {}; have one of them apply it",
                    name, fmt::join(askers.roles(), ", "),
                    roles->empty() ? "none" : fmt::format("{}", fmt::join(*roles, ", "))),
        ""};
  }
  std::vector<std::string> operators;
  for (const auto& [param, value] : params.fields())
    if (model::is_operators(profile.spec().parameters(), param)) operators.push_back(param);
  if (operators.empty()) return std::nullopt;
  const auto first = *std::ranges::min_element(operators);
  return Denial{
      fmt::format("profile \"{}\": parameter \"{}\" is the operator's; leave it out, or the operator "
                  "changes its default",
                  name, first),
      first};
}

bool asks_for_roles(const v1::Profile& profile) { return !profile.spec().askers().roles().empty(); }

std::string not_granted_text(const v1::Profile& profile) {
  return fmt::format(
      "profile \"{}\": only who has one of the roles {} may ask for it, and it serves here since "
      "this was applied last; have one of them apply it again",
      profile.metadata().name(), fmt::join(profile.spec().askers().roles(), ", "));
}

std::string askers_text(const v1::Profile& profile) {
  if (!workloads_may_ask(profile)) return "other profiles only";
  const auto& roles = profile.spec().askers().roles();
  return roles.empty() ? "workloads and other profiles"
                       : fmt::format("workloads applied by {}, and other profiles", fmt::join(roles, ", "));
}

}  // namespace qleet::hub::controllers
