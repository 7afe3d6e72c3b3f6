#include "cli/format.h"

#include <google/protobuf/util/json_util.h>

#include "common/model/model.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kJsonPathPrefix = "jsonpath=";
constexpr std::string_view kColumnsPrefix = "custom-columns=";

// At commas that stand outside of brackets and quotes.
std::vector<std::string> split_columns(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '[' || c == '(' || c == '{') {
      ++depth;
    } else if (c == ']' || c == ')' || c == '}') {
      --depth;
    }
    if (c == ',' && depth == 0 && quote == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

const std::vector<std::string>& output_names() {
  static const std::vector<std::string> names = {"table", "wide",      "json",           "yaml",
                                                 "name",  "jsonpath=", "custom-columns="};
  return names;
}

Result<OutputChoice> parse_output(const std::string& text) {
  if (text.starts_with(kJsonPathPrefix)) {
    OutputChoice choice{Format::kJsonPath, text.substr(kJsonPathPrefix.size())};
    auto path = JsonPath::parse(choice.expression);
    if (!path) return std::unexpected(wrap(std::move(path).error(), "jsonpath"));
    return choice;
  }
  if (text.starts_with(kColumnsPrefix)) {
    OutputChoice choice{Format::kColumns, text.substr(kColumnsPrefix.size())};
    auto columns = parse_columns(choice.expression);
    if (!columns) return std::unexpected(wrap(std::move(columns).error(), "custom-columns"));
    return choice;
  }
  static const std::vector<std::pair<std::string, Format>> words{{"table", Format::kTable},
                                                                 {"wide", Format::kWide},
                                                                 {"json", Format::kJson},
                                                                 {"yaml", Format::kYaml},
                                                                 {"name", Format::kName}};
  for (const auto& [word, format] : words)
    if (word == text) return OutputChoice{format, {}};
  const auto near = model::nearest(text, output_names());
  return fail(Code::kInvalid, "\"" + text + "\" is no form of output" +
                                  (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
                                  "; there is: table, wide, json, yaml, name, jsonpath=PATH, "
                                  "custom-columns=HEADER:PATH,...");
}

Result<std::vector<CustomColumn>> parse_columns(std::string_view text) {
  std::vector<CustomColumn> columns;
  for (const auto& part : split_columns(text)) {
    const auto colon = part.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == part.size())
      return fail(Code::kInvalid, "\"" + part + "\": write HEADER:PATH, as in NAME:.metadata.name");
    columns.push_back({part.substr(0, colon), TRY(JsonPath::parse(part.substr(colon + 1)))});
  }
  return columns;
}

std::vector<std::string> headers_of(const std::vector<CustomColumn>& columns) {
  std::vector<std::string> headers;
  for (const auto& column : columns) headers.push_back(column.header);
  return headers;
}

std::vector<std::string> cells_of(const std::vector<CustomColumn>& columns, const JsonValue& value) {
  std::vector<std::string> cells;
  for (const auto& column : columns) {
    std::string cell;
    for (const auto& found : column.path.find(value)) cell += (cell.empty() ? "" : ",") + plain(found);
    cells.push_back(cell.empty() ? "<none>" : cell);
  }
  return cells;
}

JsonValue value_of(const google::protobuf::Message& message) { return value_of(model::to_json(message)); }

JsonValue value_of(const std::string& json) {
  JsonValue value;
  if (!google::protobuf::util::JsonStringToMessage(json, &value).ok())
    value.set_null_value(google::protobuf::NULL_VALUE);
  return value;
}

}  // namespace qleet::cli
