#include "hub/access/subjects.h"

#include <algorithm>

#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::access {

Result<std::vector<std::string>> roles_of(const Reader& reader, std::string_view subject) {
  constexpr std::string_view kAccount = "serviceaccount:";
  std::vector<std::string> roles;
  const auto add = [&](const std::string& role) {
    if (!role.empty() && std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
  };
  if (subject.starts_with(kAccount)) {
    const auto name = std::string(subject.substr(kAccount.size()));
    if (const auto account = TRY(objects::get<v1::ServiceAccount>(reader, name))) add(account->spec().role());
  }
  for (const auto& binding : TRY(objects::list_readable<v1::RoleBinding>(reader))) {
    if (std::ranges::find(binding.spec().subjects(), subject) != binding.spec().subjects().end())
      add(binding.spec().role());
  }
  return roles;
}

}  // namespace qleet::hub::access
