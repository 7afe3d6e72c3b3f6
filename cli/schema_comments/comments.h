// The comments of common/proto/qleet/v1 as a table, made while building (collect.cc).
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

namespace qleet::cli {

struct SchemaComment {
  std::string_view name;  // full, of a message or a field: "qleet.v1.ApplicationSpec.regions"
  std::string_view text;  // one paragraph, without line breaks
};

// Sorted by name; what has no comment is not in it.
std::span<const SchemaComment> schema_comments();

// Empty where there is none.
inline std::string_view schema_comment(std::string_view name) {
  const auto table = schema_comments();
  const auto it = std::ranges::lower_bound(table, name, {}, &SchemaComment::name);
  return it == table.end() || it->name != name ? std::string_view() : it->text;
}

}  // namespace qleet::cli
