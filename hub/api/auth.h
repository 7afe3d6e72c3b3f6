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
  std::vector<std::string> applications = {};  // its token is for these alone; empty: for every one

  bool may(std::string_view verb, std::string_view kind) const;
  // kDenied, saying who lacks what.
  Result<> require(std::string_view verb, std::string_view kind) const;
  // kDenied where its token is for other applications than this one, the one that a name of that kind tells
  // of, or that of the object.
  Result<> require_application(std::string_view application) const;
  Result<> require_name(std::string_view kind, std::string_view name) const;
  Result<> require_object(const google::protobuf::Message& object) const;
};

// `authorization` is the header's value. kUnauthenticated for none, a malformed, unknown, revoked or expired
// one; messages never hold the token.
Result<Subject> authenticate(const Reader& reader, const Clock& clock, std::string_view authorization);

}  // namespace qleet::hub::api
