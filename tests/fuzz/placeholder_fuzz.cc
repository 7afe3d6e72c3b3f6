// "${...}" in texts: found, filled in, escaped.
#include <algorithm>

#include "common/template/scan.h"
#include "common/template/template.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;
using google::protobuf::Value;

namespace {

Value text_value(std::string_view text) {
  Value value;
  value.set_string_value(std::string(text));
  return value;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string replacement(fuzz::take_until(rest, '\n'));
  const std::string text(rest);

  const templates::Lookup nothing = [](const templates::Path&) -> Result<std::optional<Value>> {
    return std::nullopt;
  };
  const templates::Lookup known = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    fuzz::must(!path.empty(), "a path has a segment");
    Value value;
    if (path.front() == "number") {
      value.set_number_value(1e300);
    } else if (path.front() == "list") {
      value.mutable_list_value();
    } else {
      value.set_string_value(replacement);
    }
    return value;
  };

  const auto pieces = templates::scan(text);
  if (pieces) {
    std::string again;
    for (const auto& piece : *pieces) again.append(piece.text);
    fuzz::must(again == text, "the pieces are the text");
  }
  const auto references = templates::references(text);
  if (references) {
    for (const auto& path : *references) {
      const auto again = templates::references(templates::to_text(path));
      fuzz::must(again && again->size() == 1 && again->front() == path, "a path is written as it is read");
    }
  }
  const auto left = templates::expand(text_value(text), nothing, false);
  fuzz::must(left.has_value() == references.has_value(), "what has no wrong reference expands");
  if (left) fuzz::must(left->string_value() == text, "a pass that knows nothing changes nothing");
  (void)templates::expand(text_value(text), known, false);
  (void)templates::expand(text_value(text), known, true);

  // Text that is put in before the last pass adds no reference.
  const templates::Lookup as_text = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    if (path.front() != "text") return std::nullopt;
    return text_value(templates::escape(replacement));
  };
  if (const auto once = templates::expand(text_value(text), as_text, false); once && references) {
    const auto after = templates::references(once->string_value());
    fuzz::must(after.has_value(), "what comes of a pass can be read: " + once->string_value());
    for (const auto& path : *after)
      fuzz::must(path.front() != "text" && std::ranges::find(*references, path) != references->end(),
                 "text makes no placeholder: " + once->string_value());
  }

  const auto escaped = templates::expand(text_value(templates::escape(text)), known, true);
  fuzz::must(escaped && escaped->string_value() == text, "what is escaped comes out as it was");
  return 0;
}
