// What an object must agree on with others in the store; what it must agree on with itself, model::validate
// has seen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {

struct Findings {
  std::vector<FieldError> errors;     // refuse it
  std::vector<std::string> warnings;  // it may stand, but not everything will come of it
};

struct KnownValues;

// What was found out about environments on a copy of the store, and what is to be (values_checks.h).
struct Foreknowledge {
  const KnownValues* known = nullptr;
  KnownValues* note = nullptr;
};

// `reader` already holds the object and whatever is applied together with it. `subject` is who applies it.
Result<> check_against_others(const Reader& reader, std::string_view subject,
                              const google::protobuf::Message& object, Findings& findings,
                              const Foreknowledge& foreknowledge = {});

// Warnings: applications that the account's tokens are for, and that are not there (yet): CI is often set up
// first.
Result<std::vector<std::string>> unknown_applications(const Reader& reader,
                                                      const v1::ServiceAccount& account);

}  // namespace qleet::hub::frontend
