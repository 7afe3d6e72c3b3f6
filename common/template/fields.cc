#include "common/template/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/clock/duration.h"
#include "common/model/reasons.h"

namespace qleet::templates {

namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> as_text(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kNumberValue: {
      const double number = value.number_value();
      if (std::trunc(number) == number && std::abs(number) < 9e15) {
        return std::to_string(static_cast<std::int64_t>(number));
      }
      return fmt::format("{}", number);
    }
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {{"Ki", 1024.0},
                                                                   {"Mi", 1048576.0},
                                                                   {"Gi", 1073741824.0},
                                                                   {"Ti", 1099511627776.0},
                                                                   {"k", 1e3},
                                                                   {"K", 1e3},
                                                                   {"M", 1e6},
                                                                   {"G", 1e9},
                                                                   {"T", 1e12},
                                                                   {"P", 1e15},
                                                                   {"E", 1e18},
                                                                   {"Pi", 1125899906842624.0},
                                                                   {"Ei", 1152921504606846976.0},
                                                                   {"", 1.0}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto number = parse_number(text.substr(0, text.size() - unit.size()));
    if (!number || *number < 0 || *number * factor > 9.2e18) return std::nullopt;
    return static_cast<std::int64_t>(std::ceil(*number * factor));
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_cpus(std::string_view text) {
  double factor = 1e9;
  if (text.ends_with('m')) {
    text.remove_suffix(1);
    factor = 1e6;
  }
  const auto number = parse_number(text);
  if (!number || *number < 0 || *number * factor > 1e15) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(*number * factor));
}

Result<> check(std::vector<FieldError> errors) {
  if (errors.empty()) return {};
  std::string message = "the template is not usable: ";
  for (std::size_t i = 0; i < errors.size(); ++i) {
    message += fmt::format("{}{}: {}", i > 0 ? "; " : "", errors[i].field, errors[i].message);
  }
  return std::unexpected(
      Error{Code::kInvalid, std::move(message), std::move(errors), std::string(reasons::kInvalidTemplate)});
}

const Value* Fields::find(std::string_view name) const {
  const auto it = object_.fields().find(std::string(name));
  if (it == object_.fields().end() || it->second.kind_case() == Value::kNullValue) return nullptr;
  return &it->second;
}

std::string Fields::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::wrong(std::string_view name, std::string message) {
  errors_.push_back({.field = path(name), .message = std::move(message)});
}

std::string Fields::text(std::string_view name, std::string otherwise) {
  const Value* value = find(name);
  if (!value) return otherwise;
  auto out = as_text(*value);
  if (!out) wrong(name, "must be text");
  return out.value_or(std::move(otherwise));
}

std::string Fields::required(std::string_view name) {
  std::string out = text(name);
  if (out.empty() && !has(name)) wrong(name, "is needed");
  if (out.empty() && has(name)) wrong(name, "must not be empty");
  return out;
}

std::optional<std::uint64_t> Fields::number(std::string_view name, std::uint64_t least, std::uint64_t most) {
  const Value* value = find(name);
  if (!value) return std::nullopt;
  const auto written = as_text(*value);
  const auto number = written ? parse_number(*written) : std::nullopt;
  if (!number || std::trunc(*number) != *number || *number < static_cast<double>(least) ||
      *number > static_cast<double>(most)) {
    wrong(name, fmt::format("must be a whole number from {} to {}", least, most));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*number);
}

bool Fields::flag(std::string_view name, bool otherwise) {
  const Value* value = find(name);
  if (!value) return otherwise;
  const auto written = as_text(*value);
  if (written == "true") return true;
  if (written == "false") return false;
  wrong(name, "must be true or false");
  return otherwise;
}

std::vector<std::string> Fields::list(std::string_view name) {
  std::vector<std::string> out;
  const Value* value = find(name);
  if (!value) return out;
  if (value->kind_case() != Value::kListValue) {
    wrong(name, "must be a list of texts");
    return out;
  }
  int index = 0;
  for (const auto& item : value->list_value().values()) {
    if (auto written = as_text(item)) {
      out.push_back(std::move(*written));
    } else {
      wrong(fmt::format("{}[{}]", name, index), "must be text");
    }
    ++index;
  }
  return out;
}

std::map<std::string, std::string> Fields::map(std::string_view name) {
  std::map<std::string, std::string> out;
  const Struct* values = object(name);
  if (!values) return out;
  for (const auto& [key, value] : values->fields()) {
    if (auto written = as_text(value)) {
      out.emplace(key, std::move(*written));
    } else {
      wrong(fmt::format("{}.{}", name, key), "must be text");
    }
  }
  return out;
}

Millis Fields::duration(std::string_view name, Millis otherwise) {
  const Value* value = find(name);
  if (!value) return otherwise;
  std::string written = as_text(*value).value_or("");
  if (!written.empty() && written.find_first_not_of("0123456789") == std::string::npos) written += "s";
  const auto parsed = parse_duration(written);
  if (!parsed) {
    wrong(name, "must be a time such as \"500ms\", \"10s\" or \"5m\"");
    return otherwise;
  }
  return *parsed;
}

std::int64_t Fields::bytes(std::string_view name) {
  if (!has(name)) return 0;
  const auto parsed = parse_bytes(text(name));
  if (!parsed) wrong(name, "must be a size such as \"64M\" or \"1Gi\"");
  return parsed.value_or(0);
}

std::int64_t Fields::cpus(std::string_view name) {
  if (!has(name)) return 0;
  const auto parsed = parse_cpus(text(name));
  if (!parsed) wrong(name, "must be a number of processors such as \"500m\" or \"1.5\"");
  return parsed.value_or(0);
}

const Struct* Fields::object(std::string_view name) {
  const Value* value = find(name);
  if (!value) return nullptr;
  if (value->kind_case() != Value::kStructValue) {
    wrong(name, "must be an object");
    return nullptr;
  }
  return &value->struct_value();
}

std::vector<const Value*> Fields::values(std::string_view name) {
  std::vector<const Value*> out;
  const Value* value = find(name);
  if (!value) return out;
  if (value->kind_case() != Value::kListValue) {
    wrong(name, "must be a list");
    return out;
  }
  for (const auto& item : value->list_value().values()) out.push_back(&item);
  return out;
}

void Fields::only(const Shape& shape) {
  if (shape.open) return;
  for (const auto& [name, value] : object_.fields()) {
    if (std::ranges::find(shape.fields, name, &Field::name) != shape.fields.end()) continue;
    std::string list;
    for (const auto& one : shape.fields) list += (list.empty() ? "" : ", ") + std::string(one.name);
    wrong(name, fmt::format("is not known here; there is: {}", list));
  }
}

}  // namespace qleet::templates
