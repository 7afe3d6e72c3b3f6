#include "common/model/params_check.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/json/text.h"
#include "common/model/checks.h"
#include "common/template/template.h"

namespace qleet::model {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kServicePort = "service-port";

const Value* keyword(const Struct& schema, const std::string& name) {
  const auto found = schema.fields().find(name);
  return found == schema.fields().end() ? nullptr : &found->second;
}

std::optional<double> number_keyword(const Struct& schema, const std::string& name) {
  const auto* value = keyword(schema, name);
  return value != nullptr && value->has_number_value() ? std::optional(value->number_value()) : std::nullopt;
}

std::string type_of(const Struct& schema) {
  const auto* type = keyword(schema, "type");
  return type == nullptr ? std::string() : type->string_value();
}

// Those that are taken, where the schema says so.
std::vector<std::string> types_of(const Struct& schema) {
  const auto* type = keyword(schema, "type");
  if (type == nullptr) return {};
  if (!type->has_list_value()) return {type->string_value()};
  std::vector<std::string> types;
  for (const auto& one : type->list_value().values()) types.push_back(one.string_value());
  return types;
}

std::string as_text(const Value& value) {
  Struct wrapped;
  (*wrapped.mutable_fields())["v"] = value;
  const auto text = templates::canonical(wrapped);
  return text.substr(5, text.size() - 6);  // without {"v": and }
}

std::string shown(const Value& value) {
  constexpr size_t kMaxShown = 60;
  if (value.has_struct_value()) return "an object";
  if (value.has_list_value()) return "a list";
  const auto text = as_text(value);
  return text.size() <= kMaxShown ? text : "a long text";
}

bool is_whole(const Value& value) {
  return value.has_number_value() && std::trunc(value.number_value()) == value.number_value();
}

std::string wrong_type(const Struct& schema, const Value& value) {
  struct Type {
    std::string_view name;
    std::string_view article;
    bool (*is)(const Value&);
  };
  static constexpr Type kTypes[] = {
      {"string", "a text", [](const Value& v) { return v.has_string_value(); }},
      {"integer", "a whole number", is_whole},
      {"number", "a number", [](const Value& v) { return v.has_number_value(); }},
      {"boolean", "true or false", [](const Value& v) { return v.has_bool_value(); }},
      {"object", "an object", [](const Value& v) { return v.has_struct_value(); }},
      {"array", "a list", [](const Value& v) { return v.has_list_value(); }},
  };
  std::string articles;
  for (const auto& type : types_of(schema)) {
    const auto* found = std::ranges::find(kTypes, type, &Type::name);
    if (found == std::end(kTypes) || found->is(value)) return {};
    articles += (articles.empty() ? "" : ", or ") + std::string(found->article);
  }
  return articles.empty() ? articles : fmt::format("must be {}, not {}", articles, shown(value));
}

std::string wrong_length(const Struct& schema, const std::string& text) {
  // Characters, not bytes.
  const auto length = static_cast<double>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  if (const auto least = number_keyword(schema, "minLength"); least && length < *least)
    return fmt::format("must have at least {} characters", *least);
  if (const auto most = number_keyword(schema, "maxLength"); most && length > *most)
    return fmt::format("must have at most {} characters", *most);
  return {};
}

bool has_placeholder(const Value& value) {
  return value.has_string_value() && value.string_value().find("${") != std::string::npos;
}

// A whole number where a text is wanted becomes that text.
Value coerced(const Struct& schema, const Value& value) {
  if (type_of(schema) != "string" || !is_whole(value)) return value;
  Value text;
  json::append_number(*text.mutable_string_value(), value.number_value());
  return text;
}

bool wants_port(const Struct& schema) {
  const auto* format = keyword(schema, "format");
  return format != nullptr && format->string_value() == kServicePort;
}

std::string wrong_port(const Value& value) {
  constexpr double kHighest = 65535;
  if (is_whole(value) && value.number_value() >= 1 && value.number_value() <= kHighest) return {};
  if (value.has_string_value() && is_name(value.string_value())) {
    const bool number =
        std::ranges::all_of(value.string_value(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return {};
    return fmt::format("must be a port's number or name, and {} is a text; write {}", shown(value),
                       value.string_value());
  }
  return fmt::format("must be a port from 1 to 65535, or the name of one, not {}", shown(value));
}

bool is_required(const Struct& schema) {
  const auto* required = keyword(schema, "required");
  return required != nullptr && required->bool_value();
}

}  // namespace

std::string violation(const Struct& schema, const Value& value) {
  if (auto message = wrong_type(schema, value); !message.empty()) return message;
  if (wants_port(schema)) {
    if (auto message = wrong_port(value); !message.empty()) return message;
  }
  if (const auto* allowed = keyword(schema, "enum"); allowed != nullptr && allowed->has_list_value()) {
    const auto text = as_text(value);
    std::vector<std::string> words;
    words.reserve(static_cast<size_t>(allowed->list_value().values_size()));
    for (const auto& one : allowed->list_value().values()) words.push_back(as_text(one));
    if (std::ranges::find(words, text) == words.end()) {
      const auto near = nearest(text, words);
      return near.empty() ? fmt::format("{} is not one of: {}", shown(value), fmt::join(words, ", "))
                          : fmt::format("{} is not one of: {}; did you mean {}?", shown(value),
                                        fmt::join(words, ", "), near);
    }
  }
  if (value.has_number_value()) {
    if (const auto least = number_keyword(schema, "minimum"); least && value.number_value() < *least)
      return fmt::format("must be at least {}, and is {}", *least, value.number_value());
    if (const auto most = number_keyword(schema, "maximum"); most && value.number_value() > *most)
      return fmt::format("must be at most {}, and is {}", *most, value.number_value());
  }
  if (value.has_string_value()) {
    if (auto message = wrong_length(schema, value.string_value()); !message.empty()) return message;
    if (const auto* pattern = keyword(schema, "pattern"); pattern != nullptr && pattern->has_string_value()) {
      const RE2 expression(pattern->string_value(), RE2::Quiet);
      if (expression.ok() && !RE2::PartialMatch(value.string_value(), expression))
        return fmt::format("{} does not match the pattern {}", shown(value), pattern->string_value());
    }
  }
  return {};
}

bool is_service_port(const Struct& parameters, const std::string& name) {
  const auto schema = parameters.fields().find(name);
  return schema != parameters.fields().end() && wants_port(schema->second.struct_value());
}

bool is_operators(const Struct& parameters, const std::string& name) {
  const auto schema = parameters.fields().find(name);
  if (schema == parameters.fields().end()) return false;
  const auto* word = keyword(schema->second.struct_value(), "operator");
  return word != nullptr && word->bool_value();
}

Result<Struct> check_params(const Struct& parameters, const Struct& params, std::string_view path) {
  std::vector<FieldError> errors;
  const auto wrong = [&](const std::string& name, std::string message) {
    std::string field(path);
    append_step(field, name);
    errors.push_back({std::move(field), std::move(message), 0, ""});
  };

  Struct result;
  const auto known = sorted_keys(parameters.fields());
  for (const auto& name : sorted_keys(params.fields())) {
    const auto schema = parameters.fields().find(name);
    if (schema == parameters.fields().end()) {
      const auto near = nearest(name, known);
      wrong(name, near.empty() ? fmt::format("unknown parameter; {}", there_is(known))
                               : fmt::format("unknown parameter; did you mean \"{}\"?", near));
      continue;
    }
    auto value = coerced(schema->second.struct_value(), params.fields().at(name));
    if (!has_placeholder(value)) {
      if (auto message = violation(schema->second.struct_value(), value); !message.empty()) {
        wrong(name, std::move(message));
        continue;
      }
    }
    (*result.mutable_fields())[name] = std::move(value);
  }
  for (const auto& name : known) {
    if (params.fields().contains(name)) continue;
    const auto& schema = parameters.fields().at(name).struct_value();
    if (const auto* value = keyword(schema, "default")) {
      (*result.mutable_fields())[name] = *value;
    } else if (is_required(schema)) {
      wrong(name, "is missing");
    }
  }
  if (!errors.empty()) return std::unexpected(invalid(std::move(errors)));
  return result;
}

}  // namespace qleet::model
