#include "common/template/score_text.h"

#include <fmt/format.h>

#include "common/template/template.h"

namespace qleet::templates {

using google::protobuf::Struct;
using google::protobuf::Value;

Result<std::string> from_score(std::string_view text) {
  std::string out;
  std::string plain;
  const auto flush = [&] {
    out += escape(plain);
    plain.clear();
  };
  while (!text.empty()) {
    const auto dollar = text.find('$');
    plain += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    const auto close = text.find('}');
    if (text.starts_with("$${") && close != std::string_view::npos) {
      plain += text.substr(1, close);
      text.remove_prefix(close + 1);
    } else if (text.starts_with("$$")) {
      plain += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      const auto placeholder = text.substr(0, close == std::string_view::npos ? close : close + 1);
      if (plain.ends_with('$'))
        return fail(Code::kInvalid, fmt::format("a \"$\" cannot stand right before {}", placeholder));
      flush();
      out += placeholder;
      text.remove_prefix(placeholder.size());
    } else {
      plain += '$';
      text.remove_prefix(1);
    }
  }
  flush();
  return out;
}

Result<Value> from_score(const Value& value) {
  Value out;
  switch (value.kind_case()) {
    case Value::kStringValue:
      out.set_string_value(TRY(from_score(value.string_value())));
      return out;
    case Value::kStructValue:
      *out.mutable_struct_value() = TRY(from_score(value.struct_value()));
      return out;
    case Value::kListValue:
      out.mutable_list_value();
      for (const auto& item : value.list_value().values())
        *out.mutable_list_value()->add_values() = TRY(from_score(item));
      return out;
    default:
      return value;
  }
}

Result<Struct> from_score(const Struct& value) {
  Struct out;
  for (const auto& [key, field] : value.fields()) (*out.mutable_fields())[key] = TRY(from_score(field));
  return out;
}

}  // namespace qleet::templates
