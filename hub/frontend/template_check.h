// A template against the JSON Schema that an agent told of its provider. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"

namespace qleet::hub::frontend {

// Fields of the template that the schema does not know, by path ("health.htp"): the fields that are known
// there. Looks at `properties`, `additionalProperties`, `items` and `anyOf`, and at no types: a placeholder
// may stand for anything.
std::map<std::string, std::vector<std::string>> unknown_fields(const google::protobuf::Struct& schema,
                                                               const google::protobuf::Struct& written);

}  // namespace qleet::hub::frontend
