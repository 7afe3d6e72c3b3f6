#include <algorithm>
#include <vector>

#include "common/json/text.h"
#include "common/template/template.h"

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

void append(std::string& out, const Value& value);

void append(std::string& out, const Struct& value) {
  std::vector<const std::string*> keys;
  keys.reserve(static_cast<size_t>(value.fields_size()));
  for (const auto& entry : value.fields()) keys.push_back(&entry.first);
  std::ranges::sort(keys, [](auto* a, auto* b) { return *a < *b; });
  out += '{';
  for (const auto* key : keys) {
    if (out.back() != '{') out += ',';
    json::append_quoted(out, *key);
    out += ':';
    append(out, value.fields().at(*key));
  }
  out += '}';
}

void append(std::string& out, const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      json::append_quoted(out, value.string_value());
      break;
    case Value::kNumberValue:
      json::append_number(out, value.number_value());
      break;
    case Value::kBoolValue:
      out += value.bool_value() ? "true" : "false";
      break;
    case Value::kStructValue:
      append(out, value.struct_value());
      break;
    case Value::kListValue:
      out += '[';
      for (const auto& item : value.list_value().values()) {
        if (out.back() != '[') out += ',';
        append(out, item);
      }
      out += ']';
      break;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out += "null";
      break;
  }
}

}  // namespace

std::string canonical(const Struct& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace qleet::templates
