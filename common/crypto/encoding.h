// Bytes as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qleet::crypto {

std::string hex(std::string_view bytes);
std::optional<std::string> unhex(std::string_view text);

// RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes);
std::optional<std::string> unbase64url(std::string_view text);

// RFC 4648 section 6, upper case, without padding.
std::string base32(std::string_view bytes);
std::optional<std::string> unbase32(std::string_view text);

}  // namespace qleet::crypto
