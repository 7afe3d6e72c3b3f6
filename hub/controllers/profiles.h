// Which profile satisfies a dependency. Pure, but for where profiles are read from.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

using ProfilePtr = std::shared_ptr<const v1::Profile>;

// Use by one thread at a time.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;
  // All that satisfy the type, in any order.
  virtual Result<std::vector<ProfilePtr>> of_type(std::string_view type) = 0;
  // Every type that some profile satisfies, sorted.
  virtual Result<std::vector<std::string>> types() = 0;
};

class ProfileList final : public ProfileSource {
 public:
  explicit ProfileList(std::vector<ProfilePtr> profiles) : profiles_(std::move(profiles)) {}
  Result<std::vector<ProfilePtr>> of_type(std::string_view type) override;
  Result<std::vector<std::string>> types() override;

 private:
  std::vector<ProfilePtr> profiles_;
};

struct ProfileAsk {
  std::string_view type;
  std::string_view profile_class;
  const google::protobuf::Struct* params = nullptr;  // as asked, before defaults; null: none
};

// Where it shall serve. Null: not known yet, its selector is taken to match.
struct ProfilePlace {
  const v1::Environment* environment = nullptr;
  const v1::Region* region = nullptr;
  // For what all environments of the region share: no environment chooses, and no profile serves that is for
  // some of them alone. `environment` is null then.
  bool every_environment = false;
};

// As docs/resolution.md says ("Choice of a profile"); null when none serves.
ProfilePtr choose_profile(const std::vector<ProfilePtr>& profiles, const ProfileAsk& ask,
                          const ProfilePlace& place);

// Whether nothing but the name decides between two that both serve: how much each says of params, then of
// where it serves.
bool equally_specific(const v1::Profile& a, const v1::Profile& b);

// Why each profile of the type does not serve, for people: "postgres-aws: its regions \"provider=aws\" ...".
std::vector<std::string> why_not(const std::vector<ProfilePtr>& profiles, const ProfileAsk& ask,
                                 const ProfilePlace& place);

// "workload", "application", "environment" or "region".
std::string_view scope_of(const v1::Profile& profile);

// How the profile was chosen, for people: "default for type redis", "matches \"scope=prod\" of environment
// prod".
std::string how_chosen(const v1::Profile& profile, const v1::Environment* environment);

}  // namespace qleet::hub::controllers
