#include "cli/sse.h"

#include <utility>

namespace qleet::cli {

void SseReader::feed(std::string_view bytes) {
  rest_ += bytes;
  size_t begin = 0;
  for (size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view text(rest_.data() + begin, end - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text);
  }
  rest_.erase(0, begin);
}

void SseReader::line(std::string_view text) {
  if (text.empty()) {
    if (has_data_) {
      if (event_.name.empty()) event_.name = "message";
      on_event_(event_);
    }
    event_ = {.id = std::move(event_.id), .name = {}, .data = {}};
    has_data_ = false;
    return;
  }
  const auto colon = text.find(':');
  if (colon == 0) return;
  const auto field = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

}  // namespace qleet::cli
