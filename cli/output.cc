#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/text/visible.h"

namespace qleet::cli {
namespace {

constexpr char kMark = '\xff';
constexpr std::string_view kLetters = "0gyrdbcmu";  // as Colour, kNone ends one

std::string_view sequence_of(char letter) {
  switch (letter) {
    case 'g':
      return "\x1b[32m";
    case 'y':
      return "\x1b[33m";
    case 'r':
      return "\x1b[31m";
    case 'd':
      return "\x1b[2m";
    case 'b':
      return "\x1b[1m";
    case 'c':
      return "\x1b[36m";
    case 'm':
      return "\x1b[35m";
    case 'u':
      return "\x1b[34m";
    default:
      return "\x1b[0m";
  }
}

constexpr text::VisibleRules kOneLine{.lines = false};
constexpr text::VisibleRules kPiece{.whole = false};

// Marks stay, what is between them is shown.
std::string shown(std::string_view text, text::VisibleRules rules) {
  std::string out;
  while (!text.empty()) {
    size_t end = text.find(kMark);
    while (end != std::string_view::npos && mark_size(text.substr(end)) == 0) end = text.find(kMark, end + 1);
    text::append_visible(out, text.substr(0, end), rules);
    if (end == std::string_view::npos) break;
    out += text.substr(end, 2);
    text.remove_prefix(end + 2);
  }
  return out;
}

void write(std::string_view text, std::FILE* file) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace

void print(std::string_view text) { write(rendered(text), stdout); }
void print_error(std::string_view text) { write(rendered(text), stderr); }
void print_raw(std::string_view bytes) { write(bytes, stdout); }
bool prints_to_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

std::string marked(std::string_view text, Colour colour) {
  if (colour == Colour::kNone) return std::string(text);
  std::string out = {kMark, kLetters[static_cast<size_t>(colour)]};
  out += text;
  return out + kMark + kLetters.front();
}

size_t mark_size(std::string_view text) {
  const bool mark = text.size() > 1 && text[0] == kMark && kLetters.find(text[1]) != std::string_view::npos;
  return mark ? 2 : 0;
}

std::string visible(std::string_view text) { return shown(text, {}); }
std::string one_line(std::string_view text) { return shown(text, kOneLine); }

std::string rendered(std::string_view text) {
  const std::string seen = visible(text);
  std::string out;
  for (size_t at = 0; at < seen.size();) {
    const auto next = std::min(seen.find(kMark, at), seen.size());
    out += std::string_view(seen).substr(at, next - at);
    if (next < seen.size()) out += sequence_of(seen[next + 1]);
    at = next + 2;
  }
  return out;
}

std::string VisibleStream::feed(std::string_view piece) {
  rest_ += piece;
  std::string out;
  const auto used = text::append_visible(out, rest_, kPiece);
  rest_.erase(0, used);
  return out;
}

std::string VisibleStream::finish() {
  std::string out;
  text::append_visible(out, std::exchange(rest_, {}));
  return out;
}

}  // namespace qleet::cli
