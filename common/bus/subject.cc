#include "common/bus/subject.h"

#include <algorithm>

namespace qleet {
namespace {

// Takes the first token and its dot off `text`.
std::string_view next_token(std::string_view& text) {
  const auto dot = text.find('.');
  const auto token = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return token;
}

bool every_token(std::string_view text, bool wildcards) {
  if (text.empty() || text.back() == '.') return false;
  while (!text.empty()) {
    const auto token = next_token(text);
    if (wildcards && (token == "*" || (token == ">" && text.empty()))) continue;
    if (!is_subject_token(token)) return false;
  }
  return true;
}

}  // namespace

bool is_subject_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 127 && c != '.' && c != '*' && c != '>';
  });
}

bool is_subject(std::string_view text) { return every_token(text, false); }
bool is_subject_pattern(std::string_view text) { return every_token(text, true); }

bool subject_matches(std::string_view pattern, std::string_view subject) {
  while (!pattern.empty() && !subject.empty()) {
    const auto wanted = next_token(pattern);
    if (wanted == ">") return true;
    const auto token = next_token(subject);
    if (wanted != "*" && wanted != token) return false;
  }
  return pattern.empty() && subject.empty();
}

}  // namespace qleet
