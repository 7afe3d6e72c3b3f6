// Which roles somebody has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"

namespace qleet::hub::access {

// Of a subject such as "serviceaccount:ci": the account's own role first, then those of its bindings, each
// once. A subject that the store does not know has what is bound to it.
Result<std::vector<std::string>> roles_of(const Reader& reader, std::string_view subject);

}  // namespace qleet::hub::access
