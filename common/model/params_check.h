// Params that someone asks with, against the parameters that a profile offers.
//
// `parameters` maps each name to a JSON Schema of this subset: type (string, integer, number, boolean,
// object, array), default, enum, minimum, maximum, minLength, maxLength, pattern (RE2 syntax, found anywhere
// unless anchored), format: service-port (number or name of a port of the asking workload's service),
// description, required: true, and operator: true (only the operator and other profiles set
// it, never a workload).
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::model {

// The params with defaults filled in. kInvalid with one FieldError for each wrong param, its field under
// `path`. A text that holds a placeholder is only known later and passes; a whole number is taken where a
// text is wanted (YAML's version: 15).
Result<google::protobuf::Struct> check_params(const google::protobuf::Struct& parameters,
                                              const google::protobuf::Struct& params,
                                              std::string_view path = "params");

// What makes `value` break one parameter's schema; empty when nothing does. Keywords that are malformed are
// ignored: validate() has refused them when the profile came in.
std::string violation(const google::protobuf::Struct& schema, const google::protobuf::Value& value);

// Whether that parameter is a port of the asking workload's service: its number or its name.
bool is_service_port(const google::protobuf::Struct& parameters, const std::string& name);

// Whether that parameter is the operator's.
bool is_operators(const google::protobuf::Struct& parameters, const std::string& name);

}  // namespace qleet::model
