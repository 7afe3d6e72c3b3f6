// What an object must agree on with others in the store; what it must agree on with itself, model::validate
// has seen.
#pragma once

#include <string>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/store/store.h"

namespace qleet::hub::frontend {

struct Findings {
  std::vector<FieldError> errors;     // refuse it
  std::vector<std::string> warnings;  // it may stand, but not everything will come of it
};

// `reader` already holds the object and whatever is applied together with it.
Result<> check_against_others(const Reader& reader, const google::protobuf::Message& object,
                              Findings& findings);

}  // namespace qleet::hub::frontend
