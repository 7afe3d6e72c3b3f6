#include "hub/frontend/values_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "common/model/checks.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/places.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/route_claims.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/store_sources.h"
#include "hub/controllers/values.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::frontend {
namespace {

std::string nearest_or_all(std::string_view word, const std::vector<std::string>& known) {
  const auto near = model::nearest(word, known);
  return near.empty() ? model::there_is(known) : fmt::format("did you mean \"{}\"?", near);
}

class ValuesCheck {
 public:
  ValuesCheck(const Reader& reader, const v1::Environment& environment)
      : reader_(reader),
        environment_(environment),
        without_(environment),
        profiles_(reader),
        sources_(reader) {
    without_.mutable_spec()->clear_applications();
  }

  Result<KnownValues::Of> of(const std::string& name) {
    findings_ = {};
    KnownValues::Of found;
    const auto application = TRY(objects::get<v1::Application>(reader_, name));
    const auto field = fmt::format("spec.applications.{}", name);
    if (!application) {
      warn(field,
           fmt::format("there is no application \"{}\" yet; these values count as soon as there is", name));
      found.findings = std::move(findings_);
      return found;
    }
    found.uid = application->metadata().uid();
    found.generation = application->metadata().generation();
    const auto wanted = controllers::environments_of(application->spec());
    if (std::ranges::find(wanted, environment_.metadata().name()) == wanted.end())
      warn(field, fmt::format("application \"{}\" is not in this environment; it is in {}", name,
                              fmt::join(wanted, ", ")));
    parts(*application, environment_.spec().applications().at(name), field);
    TRY(resolvable(*application, field));
    found.findings = std::move(findings_);
    return found;
  }

 private:
  void warn(const std::string& field, const std::string& message) {
    findings_.warnings.push_back(
        fmt::format("environment {}: {}: {}", environment_.metadata().name(), field, message));
  }

  // Names that lead nowhere.
  void parts(const v1::Application& application, const v1::ApplicationValues& values,
             const std::string& field) {
    const auto& workloads = application.spec().workloads();
    for (const auto& name : model::sorted_keys(values.workloads())) {
      const auto here = fmt::format("{}.workloads.{}", field, name);
      const auto workload = workloads.find(name);
      if (workload == workloads.end()) {
        warn(here, fmt::format("application \"{}\" has no workload \"{}\"; {}", application.metadata().name(),
                               name, nearest_or_all(name, model::sorted_keys(workloads))));
        continue;
      }
      const auto& resources = workload->second.score().resources();
      for (const auto& alias : model::sorted_keys(values.workloads().at(name).params())) {
        if (resources.contains(alias)) continue;
        warn(fmt::format("{}.params.{}", here, alias),
             fmt::format("workload \"{}\" has no resource \"{}\"; {}", name, alias,
                         nearest_or_all(alias, model::sorted_keys(resources))));
      }
    }
  }

  Result<std::optional<controllers::Refusal>> refusal(const v1::Application& application,
                                                      const v1::Environment& environment,
                                                      const v1::Region& region) {
    const auto graph = TRY(controllers::resolve(
        sources_.input(application.metadata().name(), application.spec(), environment, region, profiles_)));
    if (graph.refusal) return graph.refusal;
    return controllers::check_claims(reader_, graph, controllers::Horizon::kWaiting);
  }

  // What was refused without these values is not their fault.
  Result<> resolvable(const v1::Application& application, const std::string& field) {
    const auto places =
        TRY(controllers::find_places(reader_, environment_, {}, application.spec().regions()));
    v1::Region anywhere;
    anywhere.mutable_metadata()->set_name("anywhere");
    auto regions = controllers::unlike_regions(places);
    if (regions.empty()) regions.push_back(&anywhere);
    for (const auto* region : regions) {
      const auto refused = TRY(refusal(application, environment_, *region));
      if (!refused || TRY(refusal(application, without_, *region))) continue;
      const auto at =
          controllers::field_in_environment(environment_, application.metadata().name(), refused->field);
      findings_.errors.push_back({at.value_or(field), refused->message});
      return {};
    }
    return {};
  }

  const Reader& reader_;
  const v1::Environment& environment_;
  v1::Environment without_;
  Findings findings_;
  controllers::StoreProfiles profiles_;
  controllers::StoreSources sources_;
};

// Whether the application is the one that was looked at, as it was.
Result<bool> is_same(const Reader& reader, const std::string& name, const KnownValues::Of& known,
                     Revision seen) {
  const auto& kind = model::kind_of(v1::Application::default_instance());
  const auto entry = TRY(reader.get(keys::object(kind.plural, name)));
  if (!entry) return known.uid.empty();
  if (entry->revision <= seen) return true;
  // Its status alone, or what this transaction wrote.
  const auto now = TRY(objects::get<v1::Application>(reader, name));
  return now && now->metadata().uid() == known.uid && now->metadata().generation() == known.generation;
}

const KnownValues::Of* find(const KnownValues* known, const std::string& environment,
                            const std::string& application) {
  if (known == nullptr) return nullptr;
  const auto of = known->environments.find(environment);
  if (of == known->environments.end()) return nullptr;
  const auto found = of->second.find(application);
  return found == of->second.end() ? nullptr : &found->second;
}

}  // namespace

Result<> check_values(const Reader& reader, const v1::Environment& environment, Findings& findings,
                      const KnownValues* known, KnownValues* note) {
  const auto& name = environment.metadata().name();
  ValuesCheck check(reader, environment);
  for (const auto& application : model::sorted_keys(environment.spec().applications())) {
    const auto* before = find(known, name, application);
    const bool holds = before != nullptr && TRY(is_same(reader, application, *before, known->seen));
    auto found = holds ? *before : TRY(check.of(application));
    if (note != nullptr) note->environments[name][application] = found;
    std::ranges::move(found.findings.errors, std::back_inserter(findings.errors));
    std::ranges::move(found.findings.warnings, std::back_inserter(findings.warnings));
  }
  return {};
}

Result<bool> is_outdated(const Reader& reader, const KnownValues& known) {
  const auto changed = TRY(reader.get(controllers::kProfilesChanged));
  return changed && changed->revision > known.seen;
}

}  // namespace qleet::hub::frontend
