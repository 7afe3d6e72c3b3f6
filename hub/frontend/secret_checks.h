// What a Secret must agree on with others, and what a change of it means for those who use it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/frontend/cross_checks.h"
#include "hub/store/store.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {

// `reader` holds the Secret as it shall be. Two of one id and environment are refused; who uses it and may
// not, or draws on a key that it does not have, is a warning: what runs goes on.
Result<> check_secret(const Reader& reader, const v1::Secret& secret, Findings& findings);

// For people, each once, sorted: "shop/web in prod", who draws on one of the keys. `keys`: those that count,
// or, with `absent`, those that do not.
Result<std::vector<std::string>> users_of_keys(const Reader& reader, const std::string& secret,
                                               const std::set<std::string>& keys, bool absent);

}  // namespace qleet::hub::frontend
