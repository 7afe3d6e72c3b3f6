// JSON's lexical forms, written the one way in which this project writes them.
#pragma once

#include <string>
#include <string_view>

namespace qleet::json {

// Appends `text` in double quotes. `text` must be UTF-8; control characters are escaped.
void append_quoted(std::string& out, std::string_view text);

// Appends the shortest form that reads back as the same number: "15", "0.1", "1e+30". Minus zero becomes "0";
// what is not a number (NaN, infinities) becomes null.
void append_number(std::string& out, double number);

}  // namespace qleet::json
