// How fields of the schema are told to people: what stands below them.
#pragma once

#include "google/protobuf/descriptor.h"

namespace qleet::cli {

// The value of a map, or the field itself.
inline const google::protobuf::FieldDescriptor& value_of_field(
    const google::protobuf::FieldDescriptor& field) {
  return field.is_map() ? *field.message_type()->map_value() : field;
}

// Of types whose fields are anybody's.
inline bool is_free(const google::protobuf::Descriptor& type) {
  return type.file()->package() == "google.protobuf";
}

// Whose fields stand below the field; null: none.
inline const google::protobuf::Descriptor* fields_of(const google::protobuf::FieldDescriptor& field) {
  const auto* type = value_of_field(field).message_type();
  return type == nullptr || is_free(*type) ? nullptr : type;
}

}  // namespace qleet::cli
