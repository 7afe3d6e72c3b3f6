// Subjects: tokens separated by dots; a pattern may hold * (one token) and end in > (one or more).
#pragma once

#include <string_view>

namespace qleet {

// One that can be sent to: non-empty tokens of printable characters without spaces and wildcards.
bool is_subject(std::string_view text);
// One that can be subscribed to.
bool is_subject_pattern(std::string_view text);
// A single token, without wildcards.
bool is_subject_token(std::string_view text);
bool subject_matches(std::string_view pattern, std::string_view subject);

}  // namespace qleet
