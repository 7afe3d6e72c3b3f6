#include "common/text/visible.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace qleet::text {
namespace {

struct Character {
  std::uint32_t code = 0;
  size_t size = 1;
  enum class Form { kWhole, kCut, kWrong } form = Form::kWhole;
};

// The first character of `text`, which is not empty. kCut: it may go on after the end of it.
Character first_of(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead};
  const size_t size = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead >= 0xf5) return {lead, 1, Character::Form::kWrong};
  std::uint32_t code = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {lead, 1, Character::Form::kCut};
    if ((byte(i) & 0xc0U) != 0x80) return {lead, 1, Character::Form::kWrong};
    code = code << 6U | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return {lead, 1, Character::Form::kWrong};
  return {code, size};
}

// Moves the cursor, changes the terminal, or makes text look other than it is.
bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

}  // namespace

size_t append_visible(std::string& out, std::string_view text, VisibleRules rules) {
  size_t at = 0;
  while (at < text.size()) {
    const auto rest = text.substr(at);
    const auto next = first_of(rest);
    if (!rules.whole && (next.form == Character::Form::kCut || rest == "\r")) break;
    at += next.size;
    if (next.form != Character::Form::kWhole) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", next.code);
    } else if (next.code == '\n' || next.code == '\t') {
      out += rules.lines ? std::string_view(rest.substr(0, 1)) : next.code == '\n' ? "\\n" : "\\t";
    } else if (next.code == '\r') {
      if (!rest.starts_with("\r\n")) out += "\\r";
    } else if (is_control(next.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", next.code);
    } else {
      out += rest.substr(0, next.size);
    }
  }
  return at;
}

}  // namespace qleet::text
