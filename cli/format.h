// What `-o` chooses: a form for people, for programs, or one that the caller describes himself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/json_path.h"
#include "common/result/result.h"
#include "google/protobuf/message.h"

namespace qleet::cli {

enum class Format { kTable, kWide, kJson, kYaml, kName, kJsonPath, kColumns };

struct OutputChoice {
  Format format = Format::kTable;
  std::string expression;  // of kJsonPath and kColumns, checked
};

// "wide", "jsonpath={.metadata.name}", "custom-columns=NAME:.metadata.name,STATE:.status.state". kInvalid
// names the nearest known one, or what is wrong with the expression.
Result<OutputChoice> parse_output(const std::string& text);
// Those that can be typed, for completion and help.
const std::vector<std::string>& output_names();

// `-o custom-columns`.
struct CustomColumn {
  std::string header;
  JsonPath path;
};
Result<std::vector<CustomColumn>> parse_columns(std::string_view text);
std::vector<std::string> headers_of(const std::vector<CustomColumn>& columns);
// "<none>" where there is nothing.
std::vector<std::string> cells_of(const std::vector<CustomColumn>& columns, const JsonValue& value);

// A message as its JSON says it.
JsonValue value_of(const google::protobuf::Message& message);
// Null where the text is no JSON.
JsonValue value_of(const std::string& json);

}  // namespace qleet::cli
