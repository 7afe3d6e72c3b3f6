#include "common/model/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "common/json/text.h"

namespace qleet::model {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_number(std::string_view word) {
  if (word.starts_with("0x")) {
    return word.size() > 2 && word.size() <= 16 &&
           std::ranges::all_of(word.substr(2), [](unsigned char c) { return std::isxdigit(c) != 0; });
  }
  if (word.starts_with('-') || word.starts_with('+')) word.remove_prefix(1);
  if (word.size() > 1 && word[0] == '0' && std::isdigit(static_cast<unsigned char>(word[1]))) return false;
  const auto exponent = word.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    auto digits = word.substr(exponent + 1);
    if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    word = word.substr(0, exponent);
  }
  const auto dot = word.find('.');
  if (dot == std::string_view::npos) return all_digits(word);
  const auto whole = word.substr(0, dot);
  const auto fraction = word.substr(dot + 1);
  return (whole.empty() || all_digits(whole)) && (fraction.empty() || all_digits(fraction)) &&
         !(whole.empty() && fraction.empty());
}

// Length of the UTF-8 sequence at the start of `text`; 0 when it is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf) return tail(1) ? 2 : 0;
  if (byte(0) >= 0xe0 && byte(0) <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (byte(0) == 0xe0 && byte(1) < 0xa0) return 0;
    if (byte(0) == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (byte(0) >= 0xf0 && byte(0) <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (byte(0) == 0xf0 && byte(1) < 0x90) return 0;
    if (byte(0) == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

Result<> check_bytes(std::string_view text) {
  int line = 1;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\0') return std::unexpected(error_at(line, "a NUL byte: this is not a text"));
    if (text[i] == '\n') ++line;
    const auto length = utf8_length(text.substr(i));
    if (length == 0)
      return std::unexpected(error_at(line, "bytes that are not UTF-8; save the file as UTF-8"));
    i += length;
  }
  return {};
}

// A { that is followed by a bare word opens a YAML object.
bool is_json(std::string_view text) {
  if (text[0] == '[') return true;
  const auto next = text.find_first_not_of(" \t\r\n", 1);
  return text[0] == '{' &&
         (next == std::string_view::npos || text[next] == '"' || text[next] == '}' || text[next] == '{');
}

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The length of the next document: up to a line that begins with `---`, which no text in quotes, no block and
// no JSON holds. A line that begins the text belongs to it.
size_t document_length(std::string_view text) {
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
    const auto line = text.substr(end + 1);
    if (line.starts_with("---") && (line.size() == 3 || kSpaces.find(line[3]) != std::string_view::npos))
      return end + 1;
  }
  return text.size();
}

// The JSON of a document, without the `---` in front of it; nothing where it is YAML.
std::string_view json_of(std::string_view document) {
  auto content = document;
  if (content.starts_with("---")) content.remove_prefix(3);
  const auto start = content.find_first_not_of(kSpaces);
  return start != std::string_view::npos && is_json(content.substr(start)) ? content : std::string_view();
}

struct Part {
  bool json = false;
  std::string_view text;
  size_t length = 0;  // of what it takes of the whole
};

// One document of JSON, or as many of YAML as follow each other: a directive stands before the document that
// it is for.
Part next_part(std::string_view text) {
  const auto first = document_length(text);
  if (const auto json = json_of(text.substr(0, first)); !json.empty()) return {true, json, first};
  size_t length = first;
  while (length < text.size()) {
    const auto next = document_length(text.substr(length));
    if (!json_of(text.substr(length, next)).empty()) break;
    length += next;
  }
  return {false, text.substr(0, length), length};
}

// Where `part`, which lies in `text`, begins, when `text` begins at `start`.
Start after(const Start& start, std::string_view text, std::string_view part) {
  const auto skipped = text.substr(0, static_cast<size_t>(part.data() - text.data()));
  return {start.line + static_cast<int>(std::ranges::count(skipped, '\n')), start.offset + skipped.size()};
}

}  // namespace

const TextNode* TextNode::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? nullptr : &found->value;
}

TextNode::Type type_of_bare(std::string_view word) {
  if (word.empty() || word == "~" || word == "null" || word == "Null" || word == "NULL")
    return TextNode::Type::kNull;
  for (const auto* b : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    if (word == b) return TextNode::Type::kBool;
  }
  return is_number(word) ? TextNode::Type::kNumber : TextNode::Type::kString;
}

void append_step(std::string& path, std::string_view name) {
  constexpr size_t kMaxShown = 80;
  const bool word =
      !name.empty() && name.size() <= kMaxShown &&
      std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
  if (word) {
    if (!path.empty()) path += '.';
    path += name;
    return;
  }
  path += '[';
  if (name.size() <= kMaxShown) {
    json::append_quoted(path, name);
  } else {
    size_t end = kMaxShown;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    json::append_quoted(path, std::string(name.substr(0, end)) + "...");
  }
  path += ']';
}

void append_step(std::string& path, int index) { path += fmt::format("[{}]", index); }

std::string Place::text() const {
  std::string path = parent != nullptr ? parent->text() : std::string();
  if (index >= 0) {
    append_step(path, index);
  } else if (parent != nullptr) {
    append_step(path, name);
  }
  return path;
}

Error error_at(int line, std::string message, Code code) {
  FieldError field{"", std::move(message), line, ""};
  Error error{code, describe(field), {}};
  error.fields.push_back(std::move(field));
  return error;
}

Error too_deep(int line, const DecodeLimits& limits) {
  return error_at(line, fmt::format("nested deeper than {} levels", limits.max_depth), Code::kTooLarge);
}

Error too_many_documents(const DecodeLimits& limits) {
  return {Code::kTooLarge,
          fmt::format("more than {} documents at once; send them in parts", limits.max_documents),
          {}};
}

bool is_text(std::string_view bytes) { return check_bytes(bytes).has_value(); }

Result<std::vector<TextNode>> read_documents(std::string_view text, const DecodeLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Code::kTooLarge, fmt::format("the input has {} bytes, more than the {} that are taken",
                                             text.size(), limits.max_bytes));
  }
  Start start;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
    start.offset = kByteOrderMark.size();
  }
  if (auto checked = check_bytes(text); !checked) return std::unexpected(std::move(checked).error());
  if (text.find_first_not_of(kSpaces) == std::string_view::npos)
    return fail(Code::kInvalid, "the input is empty");
  std::vector<TextNode> documents;
  while (!text.empty()) {
    const auto part = next_part(text);
    auto read = part.json ? read_json(part.text, limits, after(start, text, part.text))
                          : read_yaml(part.text, limits, after(start, text, part.text));
    if (!read) return std::unexpected(std::move(read).error());
    if (documents.size() + read->size() > limits.max_documents)
      return std::unexpected(too_many_documents(limits));
    std::ranges::move(*read, std::back_inserter(documents));
    const auto rest = text.substr(part.length);
    start = after(start, text, rest);
    text = rest;
  }
  return documents;
}

}  // namespace qleet::model
