#include "tests/unit/histories/meetings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "hub/controllers/store_profiles.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::hub::tests {
namespace {

constexpr std::string_view kRequires = "requires-";

struct Asked {
  std::string by;
  bool alone = false;  // without an id, and not for all
};

// The id that `user` gives what it asks for as `alias`; nullopt where that is not known.
std::optional<std::string> id_given(const Need& need, const v1::Profile& profile, const v1::Resource& user,
                                    std::string alias, bool& by_profile) {
  if (const auto found = need.workloads.find(user.metadata().name()); found != need.workloads.end()) {
    const auto& [release, workload] = found->second;
    const auto& own = release->spec().definition().workloads().at(workload).score().resources();
    if (own.contains(alias)) return own.at(alias).id();
  } else if (user.spec().type() == "workload") {
    return std::nullopt;  // on its way out
  }
  by_profile = true;
  if (alias.starts_with(kRequires)) alias.erase(0, kRequires.size());
  const auto required = profile.spec().requirements().find(alias);
  if (required == profile.spec().requirements().end()) return std::nullopt;
  return required->second.id();
}

}  // namespace

std::vector<std::string> unwanted_meetings(const Reader& reader, const Need& need) {
  std::map<std::string, std::vector<Asked>> asked;
  for (const auto& [name, user] : need.resources) {
    const auto profile =
        controllers::profile_at(reader, user->spec().profile(), user->spec().profile_generation()).value();
    if (!profile) continue;
    for (const auto& [alias, resource] : user->spec().dependencies()) {
      bool by_profile = false;
      const auto id = id_given(need, *profile, *user, alias, by_profile);
      const auto found = need.resources.find(resource);
      if (!id || found == need.resources.end()) continue;
      const bool for_all = by_profile && found->second->spec().application().empty() &&
                           found->second->spec().id() == "default";
      asked[resource].push_back({fmt::format("{} as {}", name, alias), id->empty() && !for_all});
    }
  }
  std::vector<std::string> found;
  for (const auto& [resource, askers] : asked) {
    std::vector<std::string> who;
    bool alone = false;
    for (const auto& asker : askers) {
      who.push_back(asker.by + (asker.alone ? " (without an id)" : ""));
      alone = alone || asker.alone;
    }
    if (alone && askers.size() > 1)
      found.push_back(
          fmt::format("{} is held by {}, who did not all ask by id", resource, fmt::join(who, ", ")));
  }
  return found;
}

}  // namespace qleet::hub::tests
