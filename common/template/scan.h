// How a string divides into plain text and placeholders.
#pragma once

#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "common/template/template.h"

namespace qleet::templates {

struct Piece {
  enum class Type { kText, kEscape, kPlaceholder };
  Type type;
  std::string_view
      text;   // as written, of the scanned string: "${a.b}" for a placeholder, "$${" for an escape
  Path path;  // of a placeholder
};

Result<std::vector<Piece>> scan(std::string_view text);

}  // namespace qleet::templates
