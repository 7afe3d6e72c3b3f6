#include "hub/frontend/cross_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/model/checks.h"
#include "common/model/reasons.h"
#include "hub/access/roles.h"
#include "hub/access/subjects.h"
#include "hub/controllers/askers.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/places.h"
#include "hub/controllers/profile_cycle.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/resource_size.h"
#include "hub/controllers/route_claims.h"
#include "hub/controllers/store_offers.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/store_sources.h"
#include "hub/frontend/profile_checks.h"
#include "hub/frontend/secret_checks.h"
#include "hub/frontend/values_checks.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::StoreProfiles;

template <class T>
Result<std::vector<std::string>> names_of(const Reader& reader) {
  std::vector<std::string> names;
  const auto& kind = model::kind_of(T::default_instance());
  for (const auto& entry : TRY(reader.scan({.prefix = keys::object(kind.plural, "")})))
    names.emplace_back(keys::last(entry.key));
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  if (known.empty()) return "there is none";
  const auto near = model::nearest(word, known);
  return near.empty() ? fmt::format("there is: {}", fmt::join(known, ", "))
                      : fmt::format("did you mean \"{}\"?", near);
}

class ApplicationCheck {
 public:
  ApplicationCheck(const Reader& reader, const v1::Application& app, std::vector<std::string> roles,
                   Findings& findings)
      : reader_(reader),
        app_(app),
        roles_(std::move(roles)),
        findings_(findings),
        profiles_(reader),
        sources_(reader) {}

  Result<> run() {
    std::ranges::move(model::warnings(app_), std::back_inserter(findings_.warnings));
    TRY(types());
    TRY(offers());
    const auto known = TRY(names_of<v1::Environment>(reader_));
    const auto& listed = app_.spec().environments();
    for (const auto& name : controllers::environments_of(app_.spec())) {
      const auto environment = TRY(objects::get<v1::Environment>(reader_, name));
      if (environment) {
        TRY(resolvable(*environment));
        continue;
      }
      if (listed.empty()) {
        findings_.errors.push_back(
            {"spec.environments", fmt::format("left out, which means \"default\", and there is no "
                                              "such environment; {}",
                                              did_you_mean("default", known))});
        continue;
      }
      const auto at = std::find(listed.begin(), listed.end(), name) - listed.begin();
      findings_.errors.push_back({fmt::format("spec.environments[{}]", at),
                                  fmt::format("no environment \"{}\"; {}", name, did_you_mean(name, known))});
    }
    return {};
  }

 private:
  Result<> types() {
    for (const auto& [name, workload] : app_.spec().workloads()) {
      for (const auto& [alias, resource] : workload.score().resources()) {
        if (controllers::is_built_in(resource.type()) || resource.type() == "workload") continue;
        if (resource.type() == controllers::kSecretType) continue;  // needs none
        if (!TRY(profiles_.of_type(resource.type())).empty()) continue;
        auto known = controllers::with_built_in(TRY(profiles_.types()));
        known.emplace_back(controllers::kSecretType);
        std::ranges::sort(known);
        findings_.errors.push_back({fmt::format("spec.workloads.{}.score.resources.{}.type", name, alias),
                                    fmt::format("no profile satisfies type \"{}\"; {}", resource.type(),
                                                did_you_mean(resource.type(), known))});
      }
    }
    std::ranges::sort(findings_.errors, {}, &FieldError::field);
    return {};
  }

  // An id names one workload of an environment.
  Result<> offers() {
    for (const auto& name : model::sorted_keys(app_.spec().workloads())) {
      const auto& offered = app_.spec().workloads().at(name).offers();
      for (int i = 0; i < offered.size(); ++i) {
        for (const auto& environment : controllers::environments_of(app_.spec())) {
          const auto other =
              TRY(controllers::offered_by_other(reader_, environment, offered[i], app_.metadata().name()));
          if (!other) continue;
          findings_.errors.push_back(
              {fmt::format("spec.workloads.{}.offers[{}]", name, i),
               fmt::format("application \"{}\" offers \"{}\" in environment {} already; choose "
                           "another id",
                           *other, offered[i], environment)});
          break;
        }
      }
    }
    return {};
  }

  // What no region has a profile for may be served by one that joins: who may not ask for it then is told
  // now.
  Result<> askable(const v1::Environment& environment) {
    for (const auto& [name, workload] : app_.spec().workloads()) {
      for (const auto& [alias, asked] : workload.score().resources()) {
        const auto profile =
            controllers::choose_profile(TRY(profiles_.of_type(asked.type())),
                                        {asked.type(), asked.class_(), &asked.params()}, {&environment});
        const auto denial =
            profile ? controllers::why_denied(*profile, asked.params(), &roles_) : std::nullopt;
        if (!denial) continue;
        const auto field = fmt::format("spec.workloads.{}.score.resources.{}", name, alias);
        findings_.errors.push_back(
            {denial->parameter.empty() ? field + ".type" : field + ".params." + denial->parameter,
             fmt::format("{} \"{}\" of workload {}: {}", asked.type(), alias, name, denial->message)});
      }
    }
    std::ranges::sort(findings_.errors, {}, &FieldError::field);
    return {};
  }

  // What can be known to be wrong before any region resolves it.
  Result<> resolvable(const v1::Environment& environment) {
    if (!findings_.errors.empty()) return {};
    const auto places = TRY(controllers::find_places(reader_, environment, {}, app_.spec().regions()));
    v1::Region anywhere;
    anywhere.mutable_metadata()->set_name("anywhere");
    auto regions = controllers::unlike_regions(places);
    const bool nowhere = regions.empty();
    if (nowhere) {
      findings_.warnings.push_back(places.placement.message);
      regions.push_back(&anywhere);
    }
    std::set<std::string> said;
    for (const auto* region : regions) {
      auto input = sources_.input(app_.metadata().name(), app_.spec(), environment, *region, profiles_);
      input.roles = &roles_;
      const auto graph = TRY(controllers::resolve(input));
      const auto found = graph.refusal
                             ? graph.refusal
                             : TRY(controllers::check_claims(reader_, graph, controllers::Horizon::kWaiting));
      if (!found || !said.insert(found->message).second) continue;
      const auto& refusal = *found;
      // What may come later is no fault of this application.
      const bool later = refusal.reason == reasons::kNoProfile || refusal.reason == reasons::kNotOffered;
      const bool own = !refusal.field.empty() && !later;
      if (own) {
        findings_.errors.push_back({refusal.field, refusal.message});
        return {};
      }
      if (refusal.reason == reasons::kNoProfile) {
        TRY(askable(environment));
        if (!findings_.errors.empty()) return {};
      }
      if (!nowhere)
        findings_.warnings.push_back(fmt::format("{}: {}", environment.metadata().name(), refusal.message));
      if (said.size() >= 3) return {};
    }
    return {};
  }

  const Reader& reader_;
  const v1::Application& app_;
  const std::vector<std::string> roles_;
  Findings& findings_;
  StoreProfiles profiles_;
  controllers::StoreSources sources_;
};

Result<> check_order(const Reader& reader, const v1::Environment& environment, Findings& findings) {
  const auto field = "spec.builds.after.environment";
  std::vector<std::string> chain{environment.metadata().name()};
  auto next = environment.spec().builds().after().environment();
  while (!next.empty()) {
    if (std::ranges::find(chain, next) != chain.end()) {
      findings.errors.push_back({field, fmt::format("environments wait for each other in a circle: {} -> {}",
                                                    fmt::join(chain, " -> "), next)});
      return {};
    }
    const auto other = TRY(objects::get<v1::Environment>(reader, next));
    if (!other) {
      if (chain.size() == 1) {
        const auto known = TRY(names_of<v1::Environment>(reader));
        findings.errors.push_back(
            {field, fmt::format("no environment \"{}\"; {}", next, did_you_mean(next, known))});
      }
      return {};
    }
    chain.push_back(next);
    next = other->spec().builds().after().environment();
  }
  return {};
}

Result<> check_environment(const Reader& reader, const v1::Environment& environment, Findings& findings,
                           const Foreknowledge& foreknowledge) {
  TRY(check_order(reader, environment, findings));
  return check_values(reader, environment, findings, foreknowledge.known, foreknowledge.note);
}

Result<> check_role(const Reader& reader, const std::string& role, Findings& findings,
                    const std::string& field = "spec.role") {
  if (role.empty() || access::builtin_role(role) != nullptr) return {};
  auto known = TRY(names_of<v1::Role>(reader));
  if (std::ranges::find(known, role) != known.end()) return {};
  for (const auto& builtin : access::builtin_roles()) known.push_back(builtin.metadata().name());
  std::ranges::sort(known);
  const auto doubles = std::ranges::unique(known);
  known.erase(doubles.begin(), doubles.end());
  findings.errors.push_back({field, fmt::format("no role \"{}\"; {}", role, did_you_mean(role, known))});
  return {};
}

Result<> check_account(const Reader& reader, const v1::ServiceAccount& account, Findings& findings) {
  std::ranges::move(TRY(unknown_applications(reader, account)), std::back_inserter(findings.warnings));
  return check_role(reader, account.spec().role(), findings);
}

// A circle anywhere that the profile can be reached from, in the eyes of every environment.
Result<> check_profile(const Reader& reader, const v1::Profile& profile, Findings& findings) {
  StoreProfiles profiles(reader);
  for (int i = 0; i < profile.spec().askers().roles_size(); ++i)
    TRY(check_role(reader, profile.spec().askers().roles(i), findings,
                   fmt::format("spec.askers.roles[{}]", i)));
  for (const auto* part : {"template", "outputs"}) {
    const auto& content =
        std::string_view(part) == "outputs" ? profile.spec().outputs() : profile.spec().template_();
    if (content.ByteSizeLong() <= controllers::kMaxContentBytes) continue;
    const auto largest = controllers::largest_part(content);
    findings.errors.push_back(
        {fmt::format("spec.{}.{}", part, largest.path),
         fmt::format("{} KB of {} KB: what an agent is sent takes at most {} KB",
                     controllers::in_kb(largest.bytes), controllers::in_kb(content.ByteSizeLong()),
                     controllers::in_kb(controllers::kMaxContentBytes))});
  }
  for (const auto& [alias, requirement] : profile.spec().requirements()) {
    if (requirement.type() != controllers::kSecretType && TRY(profiles.of_type(requirement.type())).empty()) {
      findings.warnings.push_back(fmt::format(
          "profile {} requires type \"{}\", which no profile satisfies; {}", profile.metadata().name(),
          requirement.type(), did_you_mean(requirement.type(), TRY(profiles.types()))));
    }
  }
  TRY(check_ties(reader, profile, findings));
  TRY(check_provider(reader, profile, findings));
  const auto start = std::make_shared<const v1::Profile>(profile);
  auto found = TRY(controllers::find_cycle(start, nullptr, profiles));
  for (const auto& environment : TRY(objects::list<v1::Environment>(reader))) {
    if (found) break;
    found = TRY(controllers::find_cycle(start, &environment, profiles));
  }
  if (found) {
    findings.errors.push_back(
        {"spec.requires", fmt::format("profiles require each other in a circle: {}", *found)});
  }
  return {};
}

}  // namespace

Result<> check_against_others(const Reader& reader, std::string_view subject,
                              const google::protobuf::Message& object, Findings& findings,
                              const Foreknowledge& foreknowledge) {
  if (const auto* app = dynamic_cast<const v1::Application*>(&object))
    return ApplicationCheck(reader, *app, TRY(access::roles_of(reader, subject)), findings).run();
  if (const auto* environment = dynamic_cast<const v1::Environment*>(&object))
    return check_environment(reader, *environment, findings, foreknowledge);
  if (const auto* profile = dynamic_cast<const v1::Profile*>(&object))
    return check_profile(reader, *profile, findings);
  if (const auto* account = dynamic_cast<const v1::ServiceAccount*>(&object))
    return check_account(reader, *account, findings);
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&object))
    return check_secret(reader, *secret, findings);
  if (const auto* binding = dynamic_cast<const v1::RoleBinding*>(&object))
    return check_role(reader, binding->spec().role(), findings);
  return {};
}

}  // namespace qleet::hub::frontend
