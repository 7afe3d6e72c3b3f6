#include "common/model/placeholders.h"

namespace qleet::model {

using google::protobuf::Struct;
using google::protobuf::Value;

void check_placeholders(std::string_view text, const Place& place, const PlaceholderRule& rule,
                        Checks& checks) {
  const auto paths = templates::references(text);
  if (!paths) return checks.wrong(place, paths.error().message);
  for (const auto& path : *paths) {
    if (auto message = rule(path); !message.empty()) checks.wrong(place, std::move(message));
  }
}

void check_placeholders(const Struct& value, const Place& place, const PlaceholderRule& rule,
                        Checks& checks) {
  for (const auto& key : sorted_keys(value.fields()))
    check_placeholders(value.fields().at(key), {&place, key}, rule, checks);
}

void check_placeholders(const Value& value, const Place& place, const PlaceholderRule& rule, Checks& checks) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return check_placeholders(value.string_value(), place, rule, checks);
    case Value::kStructValue:
      return check_placeholders(value.struct_value(), place, rule, checks);
    case Value::kListValue: {
      int index = 0;
      for (const auto& item : value.list_value().values())
        check_placeholders(item, {&place, {}, index++}, rule, checks);
      return;
    }
    default:
      return;
  }
}

}  // namespace qleet::model
