#include "common/model/base64.h"

namespace qleet::model {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto chunk = bytes.substr(i, 3);
    unsigned bits = 0;
    for (size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < chunk.size() ? static_cast<unsigned char>(chunk[j]) : 0U);
    for (size_t j = 0; j < 4; ++j) out += j <= chunk.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::optional<std::string> unbase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < text.size(); i += 4) {
    unsigned bits = 0;
    size_t filling = 0;
    for (const char c : text.substr(i, 4)) {
      const auto digit = kDigits.find(c);
      const bool last = i + 4 == text.size();
      if (c == '=' && last) {
        ++filling;
      } else if (digit == std::string_view::npos || filling > 0) {
        return std::nullopt;
      }
      bits = bits << 6 | (c == '=' ? 0U : static_cast<unsigned>(digit));
    }
    if (filling > 2) return std::nullopt;
    for (size_t j = 0; j < 3 - filling; ++j) out += static_cast<char>(bits >> (16 - 8 * j) & 255);
  }
  return out;
}

}  // namespace qleet::model
