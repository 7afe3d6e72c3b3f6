// What a Secret must agree on with others, and what a change of it means for those who use it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/secret_uses.h"
#include "hub/frontend/cross_checks.h"
#include "hub/store/store.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::hub::frontend {

// `reader` holds the Secret as it shall be. Two of one id and environment that are for the same applications
// are refused (one that names an application goes before one for every application there); who uses it and
// may not, or draws on a key that it does not have, is a warning: what runs goes on.
Result<> check_secret(const Reader& reader, const v1::Secret& secret, Findings& findings);

// For people, each once, sorted: "shop/web in prod", who draws on one of the keys. `keys`: those that count,
// or, with `absent`, those that do not.
Result<std::vector<std::string>> users_of_keys(const Reader& reader, const std::string& secret,
                                               const std::set<std::string>& keys, bool absent);

// What becomes of those to whom `secret` was handed out (`handed`, in their order), now that `reader` no
// longer has it.
Result<std::vector<v1::SecretNotice>> former_users(const Reader& reader, const v1::Secret& secret,
                                                   const std::vector<controllers::SecretUser>& handed);

// For people: what they go on with -> "shop in prod", each once.
std::map<std::string, std::vector<std::string>> users_by_fate(
    const google::protobuf::RepeatedPtrField<v1::SecretNotice>& notices);

}  // namespace qleet::hub::frontend
