#include "hub/frontend/plan_sharing.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "hub/controllers/resources.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"

namespace qleet::hub::frontend {

Result<std::vector<std::string>> user_labels(const Reader& reader, const std::string& resource,
                                             std::string_view except) {
  std::vector<std::string> labels;
  const auto of = controllers::parse_resource_name(resource);
  for (const auto& use : TRY(controllers::users_of(reader, resource))) {
    if (std::string_view(use.user).substr(2) == except) continue;
    const auto parts = controllers::parse_resource_name(std::string_view(use.user).substr(2));
    if (use.user.starts_with("d:")) {
      labels.push_back("application " + use.user.substr(2, use.user.find('.') - 2));
    } else if (parts) {
      const auto label = parts->type == "workload" ? parts->id : fmt::format("{} {}", parts->type, parts->id);
      const bool others = of && of->application.empty() && !parts->application.empty();
      labels.push_back(others ? fmt::format("{}/{}", parts->application, label) : label);
    }
  }
  return labels;
}

Result<std::vector<std::string>> newly_held(const Reader& before, const Reader& after,
                                            const std::string& name, const v1::ResourceSpec& spec_before,
                                            const v1::ResourceSpec& spec_after) {
  std::vector<std::string> texts;
  for (const auto& entry : TRY(after.scan({.prefix = keys::below("x/taken", name)}))) {
    const auto parts = controllers::parse_resource_name(entry.value);
    const auto known = TRY(before.get(entry.key));
    if (parts && (!known || known->value != entry.value))
      texts.push_back(fmt::format("takes over {} {}", parts->type, parts->id));
  }
  std::set<std::string> known;
  for (const auto& [alias, resource] : spec_before.dependencies()) known.insert(resource);
  const std::map<std::string, std::string> sorted(spec_after.dependencies().begin(),
                                                  spec_after.dependencies().end());
  for (const auto& [alias, resource] : sorted) {
    const auto parts = controllers::parse_resource_name(resource);
    const bool for_all = parts && parts->application.empty() && parts->id == "default";
    if (!parts || for_all || !known.insert(resource).second) continue;
    const auto others = TRY(user_labels(after, resource, name));
    if (!others.empty())
      texts.push_back(fmt::format("shares {} {} with {}", parts->type, parts->id, list_some(others)));
  }
  return texts;
}

}  // namespace qleet::hub::frontend
