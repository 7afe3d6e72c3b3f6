#include <algorithm>
#include <array>
#include <cctype>

#include "common/json/text.h"
#include "common/model/sink.h"

namespace qleet::model {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Whether every YAML reader, old ones included, takes the bare text for a string and for this one.
bool is_plain(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kWords = {"true", "false", "yes", "no", "on",
                                                              "off",  "null",  "y",   "n",  "nan"};
  const auto alpha = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '/';
  };
  const auto allowed = [&](char c) {
    return alpha(c) || std::isdigit(static_cast<unsigned char>(c)) ||
           std::string_view(".-+=,@()$ :").find(c) != std::string_view::npos;
  };
  if (text.empty() || text.size() > 1000 || !alpha(text.front()) || !std::ranges::all_of(text, allowed))
    return false;
  if (text.back() == ' ' || text.back() == ':' || text.find(": ") != std::string_view::npos) return false;
  return std::ranges::find(kWords, lower(text)) == kWords.end();
}

// Whether a literal block ("|") holds the text unchanged.
bool is_block(std::string_view text) {
  const auto newline = text.find('\n');
  if (newline == std::string_view::npos || newline + 1 == text.size()) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.ends_with("\n\n")) return false;
  if (text.contains("\u061c")) return false;  // turns the direction of writing: shown escaped, as in quotes
  return std::ranges::none_of(text, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    // Bytes of U+0085, U+2028, U+2029 and U+FEFF, which some readers take for line ends: quote instead.
    return (u < 0x20 && c != '\n') || u == 0x7f || u == 0xc2 || u == 0xe2 || u == 0xef;
  });
}

std::string scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  json::append_quoted(out, text);
  return out;
}

}  // namespace

void YamlSink::new_line() {
  if (out_.empty() || out_.back() == '\n') return;
  out_ += '\n';
}

void YamlSink::before_value() {
  if (in_list_.empty() || !in_list_.back()) return;
  // The first item of a list that is itself an item follows its parent's dash on the same line.
  if (place_ != Place::kAfterDash) {
    new_line();
    out_.append(2 * (in_list_.size() - 1), ' ');
  }
  out_ += "- ";
  place_ = Place::kAfterDash;
}

void YamlSink::inline_value(std::string_view text) {
  if (place_ == Place::kAfterKey) out_ += ' ';
  out_ += text;
  out_ += '\n';
  place_ = Place::kStart;
}

void YamlSink::open(bool list, bool empty, std::string_view empty_form) {
  before_value();
  opened_.push_back(!empty);
  if (empty) {
    inline_value(empty_form);
    return;
  }
  in_list_.push_back(list);
  if (place_ == Place::kAfterKey) {
    out_ += '\n';
    place_ = Place::kStart;
  }
}

void YamlSink::begin_map(bool empty) { open(false, empty, "{}"); }
void YamlSink::begin_list(bool empty) { open(true, empty, "[]"); }

void YamlSink::end_map() {
  if (opened_.back()) in_list_.pop_back();
  opened_.pop_back();
}

void YamlSink::end_list() { end_map(); }

void YamlSink::key(std::string_view name) {
  if (place_ != Place::kAfterDash) {
    new_line();
    out_.append(2 * (in_list_.size() - 1), ' ');
  }
  out_ += scalar(name);
  out_ += ':';
  place_ = Place::kAfterKey;
}

void YamlSink::string(std::string_view text) {
  before_value();
  if (!is_block(text)) return inline_value(scalar(text));
  if (place_ == Place::kAfterKey) out_ += ' ';
  out_ += text.ends_with('\n') ? "|" : "|-";
  for (size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    out_ += '\n';
    if (end > at) out_.append(2 * in_list_.size(), ' ');
    out_ += text.substr(at, end - at);
    at = end + 1;
  }
  out_ += '\n';
  place_ = Place::kStart;
}

void YamlSink::literal(std::string_view text) {
  before_value();
  inline_value(text);
}

std::string YamlSink::take() { return std::move(out_); }

}  // namespace qleet::model
