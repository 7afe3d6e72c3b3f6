#include "hub/frontend/profile_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/model/checks.h"
#include "common/template/shape.h"
#include "common/template/template.h"
#include "hub/controllers/profiles.h"
#include "hub/frontend/template_check.h"
#include "hub/store/objects.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {
namespace {

// Some object of a kind that both selectors match. Where there is none yet: only if they are the same.
template <class T>
bool may_meet(const std::vector<T>& all, const std::string& a, const std::string& b) {
  if (a == b) return true;
  return std::ranges::any_of(all, [&](const T& one) {
    return model::matches(a, one.metadata().labels()) && model::matches(b, one.metadata().labels());
  });
}

// Of "health.http.port".
std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::string known_or_near(std::string_view word, const std::vector<std::string>& known) {
  const auto near = model::nearest(word, known);
  return near.empty() ? model::there_is(known) : fmt::format("did you mean \"{}\"?", near);
}

// What agents say of one provider; versions may differ from agent to agent.
struct Told {
  std::set<std::string> seen;               // as bytes
  std::vector<v1::ProviderSchema> schemas;  // each once
  std::vector<std::string> outputs;         // the same
};

void take(const v1::ProviderSchema& schema, Told& told) {
  if (!told.seen.insert(objects::serialize(schema)).second) return;
  told.schemas.push_back(schema);
  for (const auto& output : schema.outputs())
    if (std::ranges::find(told.outputs, output) == told.outputs.end()) told.outputs.push_back(output);
}

// Fields that none of them knows, with what is known there instead.
std::map<std::string, std::vector<std::string>> unknown_to_all(const Told& told,
                                                               const google::protobuf::Struct& written) {
  auto unknown = unknown_fields(told.schemas.front().template_(), written);
  for (const auto& schema : told.schemas) {
    const auto here = unknown_fields(schema.template_(), written);
    std::erase_if(unknown, [&](const auto& field) { return !here.contains(field.first); });
  }
  return unknown;
}

}  // namespace

Result<> check_ties(const Reader& reader, const v1::Profile& profile, Findings& findings) {
  const auto& spec = profile.spec();
  if (!spec.default_()) return {};
  const auto regions = TRY(objects::list_readable<v1::Region>(reader));
  const auto environments = TRY(objects::list_readable<v1::Environment>(reader));
  for (const auto& other : TRY(objects::list_readable<v1::Profile>(reader))) {
    if (other.metadata().name() == profile.metadata().name() || !other.spec().default_()) continue;
    if (!controllers::equally_specific(profile, other)) continue;
    if (!may_meet(regions, spec.regions(), other.spec().regions()) ||
        !may_meet(environments, spec.environments(), other.spec().environments()))
      continue;
    const auto& first = std::min(profile.metadata().name(), other.metadata().name());
    findings.warnings.push_back(fmt::format(
        "profiles {} and {} are both default for type {}, and neither is more specific: where both serve, {} "
        "is taken, "
        "by its name; give one a class, params, regions or environments, or take default away from it",
        profile.metadata().name(), other.metadata().name(), spec.satisfies().type(), first));
  }
  return {};
}

Result<> check_provider(const Reader& reader, const v1::Profile& profile, Findings& findings) {
  const auto& spec = profile.spec();
  if (spec.provider() == model::kValuesProvider) return {};
  std::set<std::string> providers;
  Told told;
  for (const auto& agent : TRY(objects::list_readable<v1::Agent>(reader))) {
    if (agent.spec().revoked()) continue;
    providers.insert(agent.status().providers().begin(), agent.status().providers().end());
    for (const auto& schema : agent.status().schemas())
      if (schema.provider() == spec.provider()) take(schema, told);
  }
  if (providers.empty()) return {};
  const auto warn = [&](const std::string& field, const std::string& message) {
    findings.warnings.push_back(fmt::format("profile {}: {}: {}", profile.metadata().name(), field, message));
  };
  if (!providers.contains(spec.provider())) {
    warn("spec.provider", fmt::format("no agent has provider \"{}\"; {}", spec.provider(),
                                      known_or_near(spec.provider(), {providers.begin(), providers.end()})));
    return {};
  }
  if (told.schemas.empty()) return {};
  for (const auto& [field, known] : unknown_to_all(told, spec.template_()))
    warn("spec.template." + field, fmt::format("provider \"{}\" knows no such field; {}", spec.provider(),
                                               known_or_near(last_part(field), known)));
  for (const auto& output : model::sorted_keys(spec.outputs().fields())) {
    const auto paths = templates::references(spec.outputs().fields().at(output));
    if (!paths) continue;  // refused elsewhere
    for (const auto& path : *paths) {
      if (path.front() != "self" || path.size() != 2 || templates::tells(told.outputs, path[1])) continue;
      warn("spec.outputs." + output,
           fmt::format("{}: provider \"{}\" tells no \"{}\"; {}", templates::to_text(path), spec.provider(),
                       path[1], known_or_near(path[1], told.outputs)));
    }
  }
  return {};
}

}  // namespace qleet::hub::frontend
