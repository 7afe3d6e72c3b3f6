#include "hub/controllers/profile_cycle.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "hub/controllers/resolver.h"

namespace qleet::hub::controllers {
namespace {

struct Search {
  const v1::Environment* environment;
  ProfileSource& profiles;
  std::vector<ProfilePtr> chain;
  std::set<std::string> done;  // profiles from which no circle is reached

  Result<std::optional<std::string>> visit(const ProfilePtr& profile) {
    const auto& name = profile->metadata().name();
    if (done.contains(name)) return std::nullopt;
    const auto same = [&](const ProfilePtr& other) { return other->metadata().name() == name; };
    if (const auto again = std::ranges::find_if(chain, same); again != chain.end()) {
      std::vector<std::string> types;
      for (auto it = again; it != chain.end(); ++it) types.push_back((*it)->spec().satisfies().type());
      types.push_back(profile->spec().satisfies().type());
      return fmt::format("{}", fmt::join(types, " -> "));
    }
    if (chain.size() >= kMaxGraphDepth) return std::nullopt;
    chain.push_back(profile);
    for (const auto& [alias, requirement] : profile->spec().requirements()) {
      const auto known = TRY(profiles.of_type(requirement.type()));
      const auto next = choose_profile(
          known, {requirement.type(), requirement.class_(), &requirement.params()}, {environment, nullptr});
      if (!next) continue;
      if (auto found = TRY(visit(next))) return found;
    }
    chain.pop_back();
    done.insert(name);
    return std::nullopt;
  }
};

}  // namespace

Result<std::optional<std::string>> find_cycle(const ProfilePtr& start, const v1::Environment* environment,
                                              ProfileSource& profiles) {
  Search search{environment, profiles, {}, {}};
  return search.visit(start);
}

}  // namespace qleet::hub::controllers
