// Profiles as they stand in the store.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/controllers/profiles.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Reads what is asked for, each type and each generation once. Must not outlive `reader`.
class StoreProfiles final : public ProfileSource {
 public:
  explicit StoreProfiles(const Reader& reader) : reader_(reader) {}
  Result<std::vector<ProfilePtr>> of_type(std::string_view type) override;
  Result<std::vector<std::string>> types() override;
  // As profile_at.
  Result<ProfilePtr> at(const std::string& name, std::uint32_t generation);

 private:
  const Reader& reader_;
  std::map<std::string, std::vector<ProfilePtr>, std::less<>> known_;
  std::map<std::pair<std::string, std::uint32_t>, ProfilePtr> generations_;
};

// The profile as it was at that generation; null where that is not known.
Result<ProfilePtr> profile_at(const Reader& reader, std::string_view name, std::uint32_t generation);

// What a release pins for one environment.
Result<std::vector<ProfilePtr>> pinned_profiles(StoreProfiles& profiles, const v1::ReleaseSpec& release,
                                                std::string_view environment);

}  // namespace qleet::hub::controllers
