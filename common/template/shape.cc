#include "common/template/shape.h"

#include <algorithm>

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Value text(std::string_view text) {
  Value out;
  out.set_string_value(std::string(text));
  return out;
}

Value value(Struct object) {
  Value out;
  *out.mutable_struct_value() = std::move(object);
  return out;
}

Struct one_of_types(std::initializer_list<std::string_view> types) {
  Struct out;
  Value& type = (*out.mutable_fields())["type"];
  if (types.size() == 1) {
    type = text(*types.begin());
  } else {
    for (const auto name : types) *type.mutable_list_value()->add_values() = text(name);
  }
  return out;
}

Struct list_of(Struct item) {
  Struct out = one_of_types({"array"});
  (*out.mutable_fields())["items"] = value(std::move(item));
  return out;
}

Struct map_of(Struct each) {
  Struct out = one_of_types({"object"});
  (*out.mutable_fields())["additionalProperties"] = value(std::move(each));
  return out;
}

Struct either(std::initializer_list<Struct> schemas) {
  Struct out;
  auto& any = *(*out.mutable_fields())["anyOf"].mutable_list_value();
  for (const auto& schema : schemas) *any.add_values() = value(schema);
  return out;
}

// Numbers and flags pass for text, as the parser takes them.
Struct any_text() { return one_of_types({"string", "number", "boolean"}); }

Struct schema_of(const Field& field) {
  switch (field.type) {
    case FieldType::kText:
      return any_text();
    case FieldType::kNumber:
      return one_of_types({"integer", "string"});
    case FieldType::kFlag:
      return one_of_types({"boolean", "string"});
    case FieldType::kTime:
    case FieldType::kSize:
    case FieldType::kProcessors:
      return one_of_types({"string", "number"});
    case FieldType::kTexts:
      return list_of(any_text());
    case FieldType::kCommands:
      return list_of(list_of(any_text()));
    case FieldType::kMap:
      return map_of(any_text());
    case FieldType::kDocument:
      return one_of_types({"object"});
    case FieldType::kObject:
      return json_schema({field.inner});
    case FieldType::kMapOrObjects:
      return either({map_of(any_text()), list_of(json_schema({field.inner}))});
    case FieldType::kMapOfObjects:
      return map_of(either({any_text(), json_schema({field.inner})}));
    case FieldType::kListOfObjects:
      return list_of(either({one_of_types({"integer", "string"}), json_schema({field.inner})}));
  }
  return {};
}

}  // namespace

Struct json_schema(std::initializer_list<const Shape*> shapes) {
  Struct out = one_of_types({"object"});
  auto& properties = *(*out.mutable_fields())["properties"].mutable_struct_value()->mutable_fields();
  bool open = false;
  for (const Shape* shape : shapes) {
    open = open || shape->open;
    for (const auto& field : shape->fields)
      properties.insert({std::string(field.name), value(schema_of(field))});
  }
  (*out.mutable_fields())["additionalProperties"].set_bool_value(open);
  return out;
}

bool tells(std::span<const std::string> outputs, std::string_view name) {
  return std::ranges::any_of(outputs, [&](std::string_view output) {
    return output.ends_with('*') ? name.starts_with(output.substr(0, output.size() - 1)) : name == output;
  });
}

}  // namespace qleet::templates
