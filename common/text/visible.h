// Text that others wrote, made safe to be shown: a terminal obeys control characters, a log is read line by
// line, and what turns the direction of writing makes text look other than it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qleet::text {

struct VisibleRules {
  bool lines = true;  // newlines and tabs stay
  bool whole = true;  // nothing comes after it: what is cut off within a character is shown as bytes
};

// Appends `text` to `out`: control characters (C0, DEL, C1), U+2028, U+2029, U+FEFF and those that turn the
// direction of writing as "\u001b", "\r", "\n" and "\t", what is not UTF-8 as "\xff"; a "\r" before "\n"
// goes. Everything else stays as it is, "\" too. Returns how much of `text` was used: all of it where that is
// whole.
size_t append_visible(std::string& out, std::string_view text, VisibleRules rules = {});

}  // namespace qleet::text
