#include "cli/log_view.h"

#include <array>
#include <utility>

#include "common/json/text.h"
#include "common/text/visible.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kNote = "-- ";
constexpr std::string_view kBetween = " | ";
constexpr std::array kPalette{Colour::kCyan, Colour::kMagenta, Colour::kGreen, Colour::kYellow,
                              Colour::kBlue};

struct Source {
  std::string_view environment;
  std::string_view region;
  std::string_view name;
};

Source parts_of(std::string_view source) {
  const auto first = source.find('/');
  const auto second = first == std::string_view::npos ? first : source.find('/', first + 1);
  if (second == std::string_view::npos) return {{}, {}, source};
  return {source.substr(0, first), source.substr(first + 1, second - first - 1), source.substr(second + 1)};
}

std::string safe(std::string_view text) {
  std::string out;
  text::append_visible(out, text);
  return out;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += out.empty() ? "{" : ",";
  json::append_quoted(out, name);
  out += ":";
  json::append_quoted(out, value);
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t size = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
    if (size == 0 || at + size > text.size()) return false;
    for (size_t i = 1; i < size; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return false;
    const auto second = size > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return false;
    at += size;
  }
  return true;
}

}  // namespace

LogView::LogView(const Terminal& terminal, LogViewOptions options, std::function<void(std::string_view)> out,
                 std::function<void(std::string_view)> note)
    : terminal_(terminal), options_(options), out_(std::move(out)), note_(std::move(note)) {}

void LogView::feed(std::string_view bytes) {
  std::string shown;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
      rest_ += bytes;
      break;
    }
    if (rest_.empty()) {
      line(bytes.substr(0, end), shown);
    } else {
      rest_ += bytes.substr(0, end);
      line(rest_, shown);
      rest_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
  if (!shown.empty()) out_(shown);
}

void LogView::interrupted() {
  rest_.clear();
  cursor_.interrupted();
}

void LogView::line(std::string_view text, std::string& shown) {
  if (text.starts_with(kNote)) {
    ++notes_;
    text.remove_prefix(kNote.size());
    // The same is said again with every try.
    if (std::exchange(last_note_, std::string(text)) == text) return;
    if (!shown.empty()) out_(std::exchange(shown, {}));
    note_(text);
    return;
  }
  const auto between = text.find(kBetween);
  if (between == std::string_view::npos) return;  // no line of a hub
  const auto source = text.substr(0, between);
  const auto stamped = split_stamp(text.substr(between + kBetween.size()));
  if (!cursor_.take(source, stamped.time)) return;
  ++lines_;
  last_note_.clear();
  if (options_.json) {
    shown += json_of(source, stamped) + "\n";
    return;
  }
  if (options_.prefix) {
    const auto name = shown_source(source);
    shown += terminal_.paint(name + kBetween.data(), colour_of(name));
  }
  if (options_.timestamps) shown += stamp(stamped.time);
  shown += options_.safe ? safe(std::string(stamped.text) + "\n") : std::string(stamped.text) + "\n";
}

std::string LogView::shown_source(std::string_view source) const {
  const auto parts = parts_of(source);
  std::string name;
  if (options_.environments && !parts.environment.empty()) name += std::string(parts.environment) + "/";
  if (options_.regions && !parts.region.empty()) name += std::string(parts.region) + "/";
  return safe(name + std::string(parts.name));
}

Colour LogView::colour_of(const std::string& source) {
  const auto known = colours_.find(source);
  if (known != colours_.end()) return known->second;
  return colours_[source] = kPalette[colours_.size() % kPalette.size()];
}

std::string LogView::json_of(std::string_view source, const StampedLine& line) const {
  const auto parts = parts_of(source);
  std::string out;
  if (line.time) {
    auto time = stamp(line.time);
    time.pop_back();
    append_field(out, "time", time);
  }
  if (!parts.environment.empty()) append_field(out, "environment", safe(parts.environment));
  if (!parts.region.empty()) append_field(out, "region", safe(parts.region));
  append_field(out, "source", safe(parts.name));
  // JSON holds UTF-8 alone: other bytes are shown, as "\xff" is.
  append_field(out, "line", is_utf8(line.text) ? std::string(line.text) : safe(line.text));
  return out + "}";
}

}  // namespace qleet::cli
