#include <fmt/format.h>

#include "common/json/text.h"
#include "common/template/scan.h"

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Result<std::string> text_of(const Value& value, std::string_view placeholder) {
  std::string out;
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kNumberValue:
      json::append_number(out, value.number_value());
      return out;
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
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

// A template put together out of plain text and placeholders that stay. Plain text is escaped as a whole, so
// that no two pieces of it make a placeholder.
class Writer {
 public:
  void plain(std::string_view text) { plain_ += text; }

  Result<> placeholder(std::string_view written) {
    if (plain_.ends_with('$'))
      return fail(Code::kInvalid, fmt::format("a \"$\" cannot stand right before {}", written));
    flush();
    out_ += written;
    return {};
  }

  Result<> append(const std::vector<Piece>& pieces) {
    for (const auto& piece : pieces) {
      if (piece.type == Piece::Type::kPlaceholder) {
        TRY(placeholder(piece.text));
      } else {
        plain(piece.type == Piece::Type::kEscape ? "${" : piece.text);
      }
    }
    return {};
  }

  std::string finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    out_ += escape(plain_);
    plain_.clear();
  }

  std::string out_;
  std::string plain_;
};

// The last pass: what is put together is text.
Result<Value> fill_in(const std::vector<Piece>& pieces, const Lookup& lookup) {
  std::string out;
  for (const auto& piece : pieces) {
    if (piece.type != Piece::Type::kPlaceholder) {
      out += piece.type == Piece::Type::kEscape ? "${" : piece.text;
      continue;
    }
    const auto found = TRY(lookup(piece.path));
    if (found && pieces.size() == 1) return *found;
    out += found ? TRY(text_of(*found, piece.text)) : std::string(piece.text);
  }
  Value result;
  result.set_string_value(std::move(out));
  return result;
}

// A pass before the last one: what is put together is a template.
Result<Value> rewrite(const std::vector<Piece>& pieces, const Lookup& lookup) {
  Writer out;
  for (const auto& piece : pieces) {
    if (piece.type != Piece::Type::kPlaceholder) {
      TRY(out.append({piece}));
      continue;
    }
    const auto found = TRY(lookup(piece.path));
    if (!found) {
      TRY(out.placeholder(piece.text));
    } else if (pieces.size() == 1) {
      return *found;
    } else {
      const std::string text = TRY(text_of(*found, piece.text));
      TRY(out.append(TRY(scan(text))));
    }
  }
  Value result;
  result.set_string_value(out.finish());
  return result;
}

Result<Value> expand_string(const std::string& text, const Lookup& lookup, bool last_pass) {
  if (text.find('$') == std::string::npos) {
    Value result;
    result.set_string_value(text);
    return result;
  }
  const auto pieces = TRY(scan(text));
  return last_pass ? fill_in(pieces, lookup) : rewrite(pieces, lookup);
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
