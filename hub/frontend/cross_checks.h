// What an object must agree on with others in the store; what it must agree on with itself, model::validate
// has seen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/store/store.h"

namespace qleet::hub::frontend {

struct Findings {
  std::vector<FieldError> errors;     // refuse it
  std::vector<std::string> warnings;  // it may stand, but not everything will come of it
};

// `reader` already holds the object and whatever is applied together with it. `subject` is who applies it.
Result<> check_against_others(const Reader& reader, std::string_view subject,
                              const google::protobuf::Message& object, Findings& findings);

}  // namespace qleet::hub::frontend
