#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <cmath>

#include "common/model/params_check.h"
#include "common/model/rules.h"

namespace qleet::model {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kMaxParameters = 200;

struct Keyword {
  std::string_view name;
  Value::KindCase kind;      // of its value; KIND_NOT_SET: any
  std::string_view article;  // the kind, for people
};

constexpr std::array<Keyword, 12> kKeywords = {{{"type", Value::KIND_NOT_SET, ""},
                                                {"default", Value::KIND_NOT_SET, ""},
                                                {"enum", Value::kListValue, "a list"},
                                                {"minimum", Value::kNumberValue, "a number"},
                                                {"maximum", Value::kNumberValue, "a number"},
                                                {"minLength", Value::kNumberValue, "a number"},
                                                {"maxLength", Value::kNumberValue, "a number"},
                                                {"pattern", Value::kStringValue, "a text"},
                                                {"format", Value::kStringValue, "a text"},
                                                {"description", Value::kStringValue, "a text"},
                                                {"required", Value::kBoolValue, "true or false"},
                                                {"operator", Value::kBoolValue, "true or false"}}};

std::string unknown_keyword(const std::string& word) {
  std::vector<std::string> known;
  known.reserve(kKeywords.size());
  for (const auto& keyword : kKeywords) known.emplace_back(keyword.name);
  const auto near = nearest(word, known);
  return near.empty() ? fmt::format("is not taken here; known are {}", fmt::join(known, ", "))
                      : fmt::format("is not taken here; did you mean \"{}\"?", near);
}

void check_values(const Struct& schema, const Place& place, Checks& checks) {
  auto without = schema;  // what default and enum themselves must satisfy
  without.mutable_fields()->erase("enum");
  if (const auto values = schema.fields().find("enum"); values != schema.fields().end()) {
    const Place here{&place, "enum"};
    if (values->second.list_value().values().empty()) checks.wrong(here, "names no value");
    int index = 0;
    for (const auto& value : values->second.list_value().values()) {
      if (auto message = violation(without, value); !message.empty())
        checks.wrong({&here, {}, index}, std::move(message));
      ++index;
    }
  }
  if (const auto value = schema.fields().find("default"); value != schema.fields().end()) {
    if (auto message = violation(schema, value->second); !message.empty())
      checks.wrong({&place, "default"}, std::move(message));
  }
}

// One type, or a list of those that are taken.
bool check_type(const Value& value, const Place& place, Checks& checks) {
  const auto one = [&](const Value& type, const Place& here) {
    checks.one_of(here, type.string_value(), {"string", "integer", "number", "boolean", "object", "array"});
  };
  if (value.has_string_value()) {
    one(value, place);
    return true;
  }
  const bool list = value.has_list_value() && !value.list_value().values().empty();
  if (!list) {
    checks.wrong(place, "must be a text, or a list of texts");
    return false;
  }
  int index = 0;
  for (const auto& type : value.list_value().values()) one(type, {&place, {}, index++});
  return true;
}

void check_schema(const Struct& schema, const Place& place, Checks& checks) {
  bool sound = true;
  for (const auto& word : sorted_keys(schema.fields())) {
    const Place here{&place, word};
    const auto* keyword = std::ranges::find(kKeywords, word, &Keyword::name);
    const auto& value = schema.fields().at(word);
    if (keyword == kKeywords.end()) {
      checks.wrong(here, unknown_keyword(word));
    } else if (keyword->kind != Value::KIND_NOT_SET && keyword->kind != value.kind_case()) {
      checks.wrong(here, fmt::format("must be {}", keyword->article));
      sound = false;
    } else if (word == "type") {
      sound = check_type(value, here, checks) && sound;
    } else if (word == "format") {
      checks.one_of(here, value.string_value(), {"service-port"});
    } else if (word == "pattern") {
      if (const RE2 expression(value.string_value(), RE2::Quiet); !expression.ok())
        checks.wrong(here, fmt::format("is not a regular expression: {}", expression.error()));
    }
  }
  if (sound) check_values(schema, place, checks);
}

}  // namespace

void check_parameters(const Struct& parameters, const Place& place, Checks& checks) {
  checks.at_most(place, parameters.fields().size(), kMaxParameters, "parameters");
  for (const auto& name : sorted_keys(parameters.fields())) {
    const Place here{&place, name};
    const auto& schema = parameters.fields().at(name);
    if (!schema.has_struct_value()) {
      checks.wrong(here, "must be a JSON Schema, for example {type: string, default: \"15\"}");
    } else {
      check_schema(schema.struct_value(), here, checks);
    }
  }
}

}  // namespace qleet::model
