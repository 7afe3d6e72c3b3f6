// From a bearer token to a subject, and what it may do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::api {

struct Subject {
  std::string name;                // "serviceaccount:<name>"; empty: nobody
  std::vector<std::string> roles;  // its own, then those bound to it
  google::protobuf::RepeatedPtrField<v1::RoleRule> rules;

  bool may(std::string_view verb, std::string_view kind) const;
  // kDenied, saying who lacks what.
  Result<> require(std::string_view verb, std::string_view kind) const;
};

// `authorization` is the header's value. kUnauthenticated for none, a malformed, unknown, revoked or expired
// one; messages never hold the token.
Result<Subject> authenticate(const Reader& reader, const Clock& clock, std::string_view authorization);

}  // namespace qleet::hub::api
