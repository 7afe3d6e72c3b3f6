#include "hub/frontend/template_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/model/checks.h"

namespace qleet::hub::frontend {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using Unknown = std::map<std::string, std::vector<std::string>>;

const Value* keyword(const Struct& schema, const char* name) {
  const auto found = schema.fields().find(name);
  return found == schema.fields().end() ? nullptr : &found->second;
}

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// Whether the schema says at all what is in such a value.
bool speaks_of(const Struct& schema, const Value& value) {
  const Value* type = keyword(schema, "type");
  if (!type) return true;
  const std::string_view wanted = value.has_struct_value() ? "object" : "array";
  const auto is_it = [&](const Value& one) { return one.string_value() == wanted; };
  return type->has_list_value() ? std::ranges::any_of(type->list_value().values(), is_it) : is_it(*type);
}

void check(const Struct& schema, const Value& value, const std::string& path, Unknown& unknown);

void check_object(const Struct& schema, const Struct& object, const std::string& path, Unknown& unknown) {
  const Value* properties = keyword(schema, "properties");
  const Value* others = keyword(schema, "additionalProperties");
  for (const auto& name : model::sorted_keys(object.fields())) {
    const Value& value = object.fields().at(name);
    if (const Value* known = properties ? keyword(properties->struct_value(), name.c_str()) : nullptr)
      check(known->struct_value(), value, below(path, name), unknown);
    else if (others && others->has_struct_value())
      check(others->struct_value(), value, below(path, name), unknown);
    else if (others && others->kind_case() == Value::kBoolValue && !others->bool_value())
      unknown[below(path, name)] =
          properties ? model::sorted_keys(properties->struct_value().fields()) : std::vector<std::string>{};
  }
}

void check(const Struct& schema, const Value& value, const std::string& path, Unknown& unknown) {
  if (!value.has_struct_value() && !value.has_list_value()) return;
  if (const Value* any = keyword(schema, "anyOf")) {
    std::optional<Unknown> least;
    for (const auto& one : any->list_value().values()) {
      if (!speaks_of(one.struct_value(), value)) continue;
      Unknown here;
      check(one.struct_value(), value, path, here);
      if (!least || here.size() < least->size()) least = std::move(here);
    }
    if (least) unknown.merge(*least);
  }
  if (value.has_struct_value()) return check_object(schema, value.struct_value(), path, unknown);
  const Value* items = keyword(schema, "items");
  if (!items) return;
  for (int i = 0; i < value.list_value().values_size(); ++i)
    check(items->struct_value(), value.list_value().values(i), fmt::format("{}[{}]", path, i), unknown);
}

}  // namespace

Unknown unknown_fields(const Struct& schema, const Struct& written) {
  Unknown unknown;
  check_object(schema, written, "", unknown);
  return unknown;
}

}  // namespace qleet::hub::frontend
