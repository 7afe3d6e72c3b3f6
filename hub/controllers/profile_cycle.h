// Circles among profiles, found before anything asks for them. Pure, but for where profiles are read from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/profiles.h"

namespace qleet::hub::controllers {

// "postgres -> postgres-server -> volume -> postgres" where following what `start` requires leads back to a
// profile on the way; nullopt where it does not. Regions' selectors are taken to match. What requires a type
// that nothing satisfies ends there.
Result<std::optional<std::string>> find_cycle(const ProfilePtr& start, const v1::Environment* environment,
                                              ProfileSource& profiles);

}  // namespace qleet::hub::controllers
