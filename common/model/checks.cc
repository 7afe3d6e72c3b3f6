#include "common/model/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/clock/duration.h"
#include "common/model/image_name.h"

namespace qleet::model {
namespace {

constexpr size_t kMaxErrors = 50;

bool alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool is_word(std::string_view text, std::string_view extra) {
  return !text.empty() && text.size() <= 63 && alnum(text.front()) && alnum(text.back()) &&
         std::ranges::all_of(text,
                             [&](char c) { return alnum(c) || extra.find(c) != std::string_view::npos; });
}

bool is_label_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return is_word(key, "-_.");
  const auto prefix = key.substr(0, slash);
  return !prefix.empty() && prefix.size() <= 253 && alnum(prefix.front()) && alnum(prefix.back()) &&
         std::ranges::all_of(prefix, [](char c) { return alnum(c) || c == '-' || c == '.'; }) &&
         is_word(key.substr(slash + 1), "-_.");
}

std::string shortened(std::string_view text) {
  constexpr size_t kMaxShown = 100;
  return text.size() <= kMaxShown ? std::string(text) : std::string(text.substr(0, kMaxShown)) + "...";
}

}  // namespace

void Checks::wrong(const Place& place, std::string message) {
  if (errors_.size() < kMaxErrors) errors_.push_back({place.text(), std::move(message), 0, ""});
}

bool Checks::required(const Place& place, std::string_view value) {
  if (value.empty()) wrong(place, "is missing");
  return !value.empty();
}

void Checks::name(const Place& place, std::string_view value) {
  if (!value.empty() && !is_name(value)) wrong(place, name_rule(shortened(value)));
}

void Checks::one_of(const Place& place, std::string_view value,
                    std::initializer_list<std::string_view> known) {
  if (value.empty() || std::ranges::find(known, value) != known.end()) return;
  const std::vector<std::string> words(known.begin(), known.end());
  const auto near = nearest(value, words);
  wrong(place, near.empty()
                   ? fmt::format("\"{}\" is not one of: {}", shortened(value), fmt::join(words, ", "))
                   : fmt::format("\"{}\" is not one of: {}; did you mean \"{}\"?", shortened(value),
                                 fmt::join(words, ", "), near));
}

void Checks::duration(const Place& place, std::string_view value) {
  if (value.empty()) return;
  if (auto parsed = parse_duration(value); !parsed) wrong(place, parsed.error().message);
}

void Checks::selector(const Place& place, std::string_view value) {
  if (auto checked = check_selector(value); !checked) wrong(place, checked.error().message);
}

void Checks::label_key(const Place& place, std::string_view value) {
  if (!value.empty() && !is_label_key(value)) {
    wrong(place,
          fmt::format(
              "\"{}\" is not a label's name: letters, digits, -, _ and . only, at most 63, with an optional "
              "prefix like example.com/",
              shortened(value)));
  }
}

void Checks::labels(const Place& place, const StringMap& labels) {
  at_most(place, labels.size(), 100, "labels");
  for (const auto& key : sorted_keys(labels)) {
    const Place here{&place, key};
    label_key(here, key);
    const auto& value = labels.at(key);
    if (!value.empty() && !is_word(value, "-_.")) {
      wrong(here, fmt::format("\"{}\" is not a label's value: letters, digits, -, _ and . only, at most 63",
                              shortened(value)));
    }
  }
}

void Checks::type_word(const Place& place, std::string_view value) {
  if (!value.empty() && (value.size() < 2 || !is_word(value, "-")))
    wrong(place, fmt::format("\"{}\" is not allowed: 2 to 63 letters, digits and -", shortened(value)));
}

void Checks::repository(const Place& place, std::string_view value) {
  if (value.empty()) return;
  if (auto problem = repository_problem(value)) wrong(place, *std::move(problem));
}

void Checks::at_most(const Place& place, size_t count, size_t most, std::string_view what) {
  if (count > most) wrong(place, fmt::format("has {} {}; at most {} are allowed", count, what, most));
}

void Checks::length(const Place& place, std::string_view value, size_t most) {
  if (value.size() > most)
    wrong(place, fmt::format("has {} bytes; at most {} are allowed", value.size(), most));
}

std::string there_is(std::vector<std::string> names) {
  if (names.empty()) return "there is none";
  std::ranges::sort(names);
  constexpr size_t kMaxShown = 20;
  const bool cut = names.size() > kMaxShown;
  if (cut) names.resize(kMaxShown);
  return fmt::format("there is: {}{}", fmt::join(names, ", "), cut ? ", ..." : "");
}

}  // namespace qleet::model
