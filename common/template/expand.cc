#include <fmt/format.h>

#include "common/json/text.h"
#include "common/template/scan.h"

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Result<> append_as_text(std::string& out, const Value& value, std::string_view placeholder) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      out += value.string_value();
      return {};
    case Value::kNumberValue:
      json::append_number(out, value.number_value());
      return {};
    case Value::kBoolValue:
      out += value.bool_value() ? "true" : "false";
      return {};
    case Value::kStructValue:
      return fail(Code::kInvalid,
                  fmt::format("{} is an object and cannot stand inside a longer text", placeholder));
    case Value::kListValue:
      return fail(Code::kInvalid,
                  fmt::format("{} is a list and cannot stand inside a longer text", placeholder));
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      return fail(Code::kInvalid, fmt::format("{} has no value", placeholder));
  }
  return fail(Code::kInternal, "unknown kind of value");
}

Result<Value> expand_string(const std::string& text, const Lookup& lookup, bool last_pass) {
  Value result;
  if (text.find('$') == std::string::npos) {
    result.set_string_value(text);
    return result;
  }
  auto pieces = scan(text);
  if (!pieces) return std::unexpected(std::move(pieces).error());
  std::string out;
  for (const auto& piece : *pieces) {
    if (piece.type == Piece::Type::kText) {
      out += piece.text;
      continue;
    }
    if (piece.type == Piece::Type::kEscape) {
      out += last_pass ? "${" : "$${";
      continue;
    }
    auto found = lookup(piece.path);
    if (!found) return std::unexpected(std::move(found).error());
    if (!*found) {
      out += piece.text;
      continue;
    }
    if (pieces->size() == 1) return **std::move(found);
    if (auto done = append_as_text(out, **found, piece.text); !done)
      return std::unexpected(std::move(done).error());
  }
  result.set_string_value(std::move(out));
  return result;
}

}  // namespace

Result<Value> expand(const Value& value, const Lookup& lookup, bool last_pass) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return expand_string(value.string_value(), lookup, last_pass);
    case Value::kStructValue: {
      auto fields = expand(value.struct_value(), lookup, last_pass);
      if (!fields) return std::unexpected(std::move(fields).error());
      Value result;
      *result.mutable_struct_value() = *std::move(fields);
      return result;
    }
    case Value::kListValue: {
      Value result;
      auto& items = *result.mutable_list_value();
      for (const auto& item : value.list_value().values()) {
        auto expanded = expand(item, lookup, last_pass);
        if (!expanded) return expanded;
        *items.add_values() = *std::move(expanded);
      }
      return result;
    }
    default:
      return value;
  }
}

Result<Struct> expand(const Struct& value, const Lookup& lookup, bool last_pass) {
  Struct result;
  for (const auto& [key, field] : value.fields()) {
    auto expanded = expand(field, lookup, last_pass);
    if (!expanded) return std::unexpected(wrap(std::move(expanded).error(), key));
    (*result.mutable_fields())[key] = *std::move(expanded);
  }
  return result;
}

}  // namespace qleet::templates
