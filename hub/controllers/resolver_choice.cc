// Which profile satisfies what is asked for, and whether two askers of one resource agree.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/model.h"
#include "common/model/params_check.h"
#include "common/model/reasons.h"
#include "hub/controllers/askers.h"
#include "hub/controllers/resolution.h"

namespace qleet::hub::controllers::resolution {

std::string Resolver::asked_for_by(const Ask& ask) const {
  auto text = fmt::format("asked for by {} as \"{}\"", ask.who, ask.alias);
  if (!ask.user.empty()) text += fmt::format(", for workload {}", root_);
  return text;
}

Result<ProfilePtr> Resolver::pick(const Ask& ask) {
  const auto& wanted = *ask.wanted;
  graph_.types.insert(wanted.type);
  const ProfileAsk question{wanted.type, wanted.profile_class, &wanted.params};
  const bool every_environment = ask.asker.home.environment.empty();
  const ProfilePlace place{every_environment ? nullptr : in_.environment, in_.region, every_environment};
  if (auto pinned = choose_profile(in_.pinned, question, place)) return pinned;
  const auto known = TRY(in_.profiles->of_type(wanted.type));
  if (auto profile = choose_profile(known, question, place)) return profile;
  if (wanted.type == kSecretType && wanted.profile_class.empty()) return secret(ask);
  if (wanted.type == kSecretType && known.empty()) {
    return refuse(
        reasons::kNoSecret,
        fmt::format("no profile of type \"secret\" has class \"{}\" ({}); without a class it is a Secret "
                    "of the hub",
                    wanted.profile_class, asked_for_by(ask)),
        wanted.field.empty() ? "" : wanted.field + ".class");
  }
  if (known.empty()) {
    auto types = TRY(in_.profiles->types());
    if (!wanted.field.empty()) types = with_built_in(std::move(types));
    types.emplace_back(kSecretType);
    std::ranges::sort(types);
    const auto near = model::nearest(wanted.type, types);
    return refuse(reasons::kNoProfile,
                  fmt::format("no profile satisfies type \"{}\" ({}); {}", wanted.type, asked_for_by(ask),
                              near.empty() ? fmt::format("known types: {}", fmt::join(types, ", "))
                                           : fmt::format("did you mean \"{}\"?", near)),
                  wanted.field.empty() ? "" : wanted.field + ".type");
  }
  const auto where = fmt::format("environment {} in region {}", in_.environment->metadata().name(),
                                 in_.region->metadata().name());
  const auto what = wanted.profile_class.empty()
                        ? fmt::format("type \"{}\"", wanted.type)
                        : fmt::format("type \"{}\" and class \"{}\"", wanted.type, wanted.profile_class);
  return refuse(reasons::kNoProfile,
                fmt::format("no profile of {} serves {} ({}): {}", what, where, asked_for_by(ask),
                            fmt::join(why_not(known, question, place), "; ")),
                wanted.field);
}

// A workload's own resource is the application's, and what profiles require is the operator's.
Result<> Resolver::check_asker(const Ask& ask, const v1::Profile& profile) {
  const bool by_workload = ask.score == nullptr && ask.user.empty();
  if (!by_workload) return {};
  const auto& wanted = *ask.wanted;
  // What the environment says is the operator's word.
  auto params = wanted.params;
  const auto* values = values_of(*in_.environment, in_.application, root_);
  if (values != nullptr) {
    const auto given = values->params().find(ask.alias);
    if (given != values->params().end())
      for (const auto& [key, value] : given->second.fields()) params.mutable_fields()->erase(key);
  }
  const auto denial = why_denied(profile, params, in_.roles);
  if (!denial && in_.granted != nullptr && asks_for_roles(profile) &&
      !in_.granted->contains(profile.metadata().name()))
    return refuse(
        reasons::kNotAllowed,
        fmt::format("{} \"{}\" of workload {}: {}", wanted.type, ask.alias, root_, not_granted_text(profile)),
        wanted.field + ".type");
  if (!denial) return {};
  return refuse(reasons::kNotAllowed,
                fmt::format("{} \"{}\" of workload {}: {}", wanted.type, ask.alias, root_, denial->message),
                denial->parameter.empty() ? wanted.field + ".type"
                                          : fmt::format("{}.params.{}", wanted.field, denial->parameter));
}

Result<Struct> Resolver::name_ports(const Struct& parameters, Struct params, const Ask& ask) const {
  // What profiles require of each other is given numbers: a workload's ports are the workload's.
  if (!ask.user.empty()) return params;
  const auto& ports = definition_.workloads().at(root_).score().service().ports();
  for (auto& [name, value] : *params.mutable_fields()) {
    const auto& port = value.string_value();
    if (port.empty() || port.find("${") != std::string::npos || !model::is_service_port(parameters, name))
      continue;
    const auto found = ports.find(port);
    if (found != ports.end()) {
      value.set_number_value(found->second.port());
      continue;
    }
    std::vector<std::string> known;
    for (const auto& [other, described] : ports) known.push_back(other);
    std::ranges::sort(known);
    const auto near = model::nearest(port, known);
    return std::unexpected(model::invalid(
        {{"params." + name,
          fmt::format("no port \"{}\" in the workload's service; {}{}", port,
                      near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), there_is(known))}}));
  }
  return params;
}

Result<> Resolver::check_existing(const Node& node, const Ask& ask, const Node& fresh) {
  const auto now = fmt::format("{} as \"{}\"", ask.who, ask.alias);
  const auto what = fmt::format("{} \"{}\"", node.spec.type(), node.spec.id());
  if (node.scope == "workload") {
    return refuse(reasons::kResourceConflict,
                  fmt::format("{} is asked for by {} and by {}, but profile {} gives each its own (scope "
                              "workload): use different ids, or a profile that shares",
                              what, node.asked_by, now, node.spec.profile()),
                  ask.wanted->field);
  }
  std::string differs;
  if (node.spec.class_() != fresh.spec.class_()) differs = "class";
  if (node.spec.profile() != fresh.spec.profile()) differs = "profile";
  if (differs.empty()) {
    const auto& a = node.spec.params().fields();
    const auto& b = fresh.spec.params().fields();
    for (const auto& key : keys_of(fresh.spec.params())) {
      const auto found = a.find(key);
      if (found == a.end() || found->second.SerializeAsString() != b.at(key).SerializeAsString())
        differs = "params." + key;
    }
    for (const auto& key : keys_of(node.spec.params())) {
      if (!b.contains(key)) differs = "params." + key;
    }
  }
  if (differs.empty()) return {};
  return refuse(
      reasons::kResourceConflict,
      fmt::format("{} is asked for with different {} by {} and by {}: ask for it the same way, or under "
                  "another id",
                  what, differs, node.asked_by, now),
      ask.wanted->field);
}

}  // namespace qleet::hub::controllers::resolution
