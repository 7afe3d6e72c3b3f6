#include "hub/controllers/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "common/model/keeping.h"
#include "common/model/model.h"
#include "common/template/template.h"

namespace qleet::hub::controllers {
namespace {

std::string canonical_value(const google::protobuf::Value& value) {
  google::protobuf::Struct holder;
  (*holder.mutable_fields())["v"] = value;
  return templates::canonical(holder);
}

bool contained(const google::protobuf::Struct& part, const google::protobuf::Struct* whole) {
  for (const auto& [key, value] : part.fields()) {
    if (whole == nullptr) return false;
    const auto found = whole->fields().find(key);
    if (found == whole->fields().end()) return false;
    if (canonical_value(found->second) != canonical_value(value)) return false;
  }
  return true;
}

bool serves_region(const v1::Profile& profile, const ProfilePlace& place) {
  return place.region == nullptr ||
         model::matches(profile.spec().regions(), place.region->metadata().labels());
}

bool serves_environment(const v1::Profile& profile, const ProfilePlace& place) {
  if (place.every_environment) return profile.spec().environments().empty();
  return place.environment == nullptr ||
         model::matches(profile.spec().environments(), place.environment->metadata().labels());
}

bool serves(const v1::Profile& profile, const ProfileAsk& ask, const ProfilePlace& place) {
  const auto& satisfies = profile.spec().satisfies();
  return satisfies.type() == ask.type && satisfies.class_() == ask.profile_class &&
         contained(satisfies.params(), ask.params) && serves_region(profile, place) &&
         serves_environment(profile, place);
}

// How much it says of what it is for; more comes first.
std::tuple<int, int> generality(const v1::Profile& profile) {
  const auto& spec = profile.spec();
  return {-spec.satisfies().params().fields_size(),
          -(model::selector_terms(spec.regions()) + model::selector_terms(spec.environments()))};
}

const ProfilePtr* most_specific(const std::vector<const ProfilePtr*>& candidates) {
  const auto rank = [](const ProfilePtr* profile) {
    return std::tuple(generality(**profile), (*profile)->metadata().name());
  };
  const auto best = std::ranges::min_element(candidates, {}, rank);
  return best == candidates.end() ? nullptr : *best;
}

}  // namespace

Result<std::vector<ProfilePtr>> ProfileList::of_type(std::string_view type) {
  std::vector<ProfilePtr> found;
  for (const auto& profile : profiles_) {
    if (profile->spec().satisfies().type() == type) found.push_back(profile);
  }
  return found;
}

Result<std::vector<std::string>> ProfileList::types() {
  std::set<std::string> found;
  for (const auto& profile : profiles_) found.insert(profile->spec().satisfies().type());
  return std::vector<std::string>(found.begin(), found.end());
}

ProfilePtr choose_profile(const std::vector<ProfilePtr>& profiles, const ProfileAsk& ask,
                          const ProfilePlace& place) {
  std::vector<const ProfilePtr*> candidates;
  for (const auto& profile : profiles) {
    if (serves(*profile, ask, place)) candidates.push_back(&profile);
  }
  const auto best_where = [&](auto&& predicate) -> const ProfilePtr* {
    std::vector<const ProfilePtr*> some;
    std::ranges::copy_if(candidates, std::back_inserter(some), predicate);
    return most_specific(some);
  };
  if (place.environment != nullptr) {
    for (const auto& selector : place.environment->spec().profiles()) {
      const auto* found = best_where([&](const ProfilePtr* profile) {
        return model::matches(selector, (*profile)->metadata().labels());
      });
      if (found != nullptr) return *found;
    }
  }
  const auto* found = best_where([](const ProfilePtr* profile) { return (*profile)->spec().default_(); });
  if (found != nullptr) return *found;
  // Whatever type it is: as without a class, and kept until somebody deletes it by name.
  if (ask.profile_class == model::kRetainedClass)
    return choose_profile(profiles, {ask.type, "", ask.params}, place);
  return nullptr;
}

bool equally_specific(const v1::Profile& a, const v1::Profile& b) {
  const auto& left = a.spec().satisfies();
  const auto& right = b.spec().satisfies();
  if (left.type() != right.type() || left.class_() != right.class_() || generality(a) != generality(b))
    return false;
  // No params satisfy two that want one of them differently.
  return std::ranges::none_of(left.params().fields(), [&](const auto& param) {
    const auto other = right.params().fields().find(param.first);
    return other != right.params().fields().end() &&
           canonical_value(other->second) != canonical_value(param.second);
  });
}

std::vector<std::string> why_not(const std::vector<ProfilePtr>& profiles, const ProfileAsk& ask,
                                 const ProfilePlace& place) {
  std::vector<std::string> reasons;
  for (const auto& profile : profiles) {
    const auto& spec = profile->spec();
    const auto& name = profile->metadata().name();
    if (spec.satisfies().class_() != ask.profile_class) {
      reasons.push_back(spec.satisfies().class_().empty()
                            ? fmt::format("{} has no class", name)
                            : fmt::format("{} is for class \"{}\"", name, spec.satisfies().class_()));
    } else if (!contained(spec.satisfies().params(), ask.params)) {
      reasons.push_back(fmt::format("{} is for other params", name));
    } else if (!serves_region(*profile, place)) {
      reasons.push_back(fmt::format("{} is for regions \"{}\"", name, spec.regions()));
    } else if (!serves_environment(*profile, place) && place.every_environment) {
      reasons.push_back(fmt::format("{} is for environments \"{}\", and all of the region's share this", name,
                                    spec.environments()));
    } else if (!serves_environment(*profile, place)) {
      reasons.push_back(fmt::format("{} is for environments \"{}\"", name, spec.environments()));
    } else {
      reasons.push_back(fmt::format("{} is {}", name,
                                    place.every_environment
                                        ? "no default, and no environment chooses for all of the region's"
                                        : "neither a default nor chosen by the environment"));
    }
  }
  std::ranges::sort(reasons);
  return reasons;
}

std::string_view scope_of(const v1::Profile& profile) {
  return profile.spec().scope().empty() ? std::string_view("workload")
                                        : std::string_view(profile.spec().scope());
}

std::string how_chosen(const v1::Profile& profile, const v1::Environment* environment) {
  if (environment != nullptr) {
    for (const auto& selector : environment->spec().profiles()) {
      if (model::matches(selector, profile.metadata().labels())) {
        return fmt::format("matches \"{}\" of environment {}", selector, environment->metadata().name());
      }
    }
  }
  if (!profile.spec().default_()) return "chosen when the release was made";
  return fmt::format("default for type {}", profile.spec().satisfies().type());
}

}  // namespace qleet::hub::controllers
