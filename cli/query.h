// The query of a URL, put together.
#pragma once

#include <string>

#include "common/http/client.h"

namespace qleet::cli {

struct Query {
  std::string text;  // "" or "?a=b&..."
  // Empty values are left out.
  void add(const std::string& name, const std::string& value) {
    if (!value.empty()) text += (text.empty() ? "?" : "&") + name + "=" + http::encode(value);
  }
};

}  // namespace qleet::cli
