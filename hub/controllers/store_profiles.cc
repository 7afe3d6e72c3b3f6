#include "hub/controllers/store_profiles.h"

#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {

Result<std::vector<ProfilePtr>> StoreProfiles::of_type(std::string_view type) {
  if (const auto found = known_.find(type); found != known_.end()) return found->second;
  std::vector<ProfilePtr> profiles;
  for (const auto& entry : TRY(reader_.scan({.prefix = keys::profile_type(type, "")}))) {
    if (auto profile = TRY(objects::get<v1::Profile>(reader_, keys::last(entry.key))))
      profiles.push_back(std::make_shared<const v1::Profile>(*std::move(profile)));
  }
  known_.emplace(type, profiles);
  return profiles;
}

Result<std::vector<std::string>> StoreProfiles::types() {
  std::vector<std::string> types;
  for (const auto& entry : TRY(reader_.scan({.prefix = "x/profile-type/"}))) {
    const auto type = keys::segments(entry.key)[2];
    if (types.empty() || types.back() != type) types.emplace_back(type);
  }
  return types;
}

Result<ProfilePtr> StoreProfiles::at(const std::string& name, std::uint32_t generation) {
  const std::pair key(name, generation);
  if (const auto found = generations_.find(key); found != generations_.end()) return found->second;
  auto profile = TRY(profile_at(reader_, name, generation));
  return generations_[key] = std::move(profile);
}

Result<ProfilePtr> profile_at(const Reader& reader, std::string_view name, std::uint32_t generation) {
  const auto entry = TRY(reader.get(keys::profile_rev(name, generation)));
  if (!entry) return ProfilePtr();
  auto profile = std::make_shared<v1::Profile>();
  if (!profile->ParseFromString(entry->value))
    return fail(Code::kInternal, "store: " + entry->key + " cannot be read: restore a backup");
  return ProfilePtr(std::move(profile));
}

Result<std::vector<ProfilePtr>> pinned_profiles(StoreProfiles& profiles, const v1::ReleaseSpec& release,
                                                std::string_view environment) {
  std::vector<ProfilePtr> pinned;
  for (const auto& pin : release.profiles()) {
    if (pin.environment() != environment) continue;
    if (auto profile = TRY(profiles.at(pin.name(), pin.generation()))) pinned.push_back(std::move(profile));
  }
  return pinned;
}

}  // namespace qleet::hub::controllers
