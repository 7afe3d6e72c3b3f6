#include "cli/splices.h"

#include <optional>

#include "common/json/text.h"

namespace qleet::cli {
namespace {

// The length of a scalar that begins `rest` and reads as `content`; nothing where it has a line's end in it.
std::optional<size_t> scalar_length(std::string_view rest, std::string_view content) {
  if (rest.starts_with('"') || rest.starts_with('\'')) {
    const char quote = rest.front();
    for (size_t i = 1; i < rest.size() && rest[i] != '\n'; ++i) {
      if (quote == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == quote) {
        if (quote == '"' || i + 1 == rest.size() || rest[i + 1] != quote) return i + 1;
        ++i;  // '' is a quote in it
      }
    }
    return std::nullopt;
  }
  if (content.empty() || !rest.starts_with(content) || content.find('\n') != std::string_view::npos)
    return std::nullopt;
  return content.size();
}

}  // namespace

Result<> Splices::put(size_t offset, std::string_view written, std::string with) {
  const auto length = offset <= text_.size() ? scalar_length(text_.substr(offset), written) : std::nullopt;
  if (!length) return fail(Code::kInvalid, "is written over several lines; write it in one");
  splices_[offset] = {*length, std::move(with)};
  return {};
}

Result<> Splices::rename(const model::Entry& entry, std::string_view name) {
  std::string quoted;
  json::append_quoted(quoted, name);
  return put(entry.offset, entry.key, std::move(quoted));
}

// In double quotes JSON's escapes are YAML's as well, and no line ends in them.
Result<> Splices::replace(const model::TextNode& value, std::string_view text) {
  std::string quoted;
  json::append_quoted(quoted, text);
  return put(value.offset, value.text, std::move(quoted));
}

std::string Splices::apply() const {
  std::string out;
  size_t at = 0;
  for (const auto& [offset, splice] : splices_) {
    out += text_.substr(at, offset - at);
    out += splice.with;
    at = offset + splice.length;
  }
  return out += text_.substr(at);
}

}  // namespace qleet::cli
