// Fields of bytes as JSON and YAML write them: RFC 4648 section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qleet::model {

std::string base64(std::string_view bytes);
// nullopt: not base64, or without its padding.
std::optional<std::string> unbase64(std::string_view text);

}  // namespace qleet::model
