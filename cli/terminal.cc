#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace qleet::cli {
namespace {

// So that no line wraps, which would make counting lines wrong.
std::string clipped(std::string_view line, size_t columns) {
  std::string result;
  size_t width = 0;
  for (size_t i = 0, length = 0; i < line.size(); i += length) {
    const auto lead = static_cast<unsigned char>(line[i]);
    const auto mark = mark_size(line.substr(i));
    if (mark > 0) {
      length = mark;
    } else {
      length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      ++width;
    }
    if (mark > 0 || width <= columns) result += line.substr(i, length);
  }
  return result;
}

}  // namespace

Terminal::Terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): before any thread starts
  interactive_ = ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  colours_ = interactive_ && std::getenv("NO_COLOR") == nullptr;  // NOLINT(concurrency-mt-unsafe)
}

std::string Terminal::paint(std::string_view text, Colour colour) const {
  if (!colours_ || colour == Colour::kNone) return std::string(text);
  return marked(text, colour);
}

void Terminal::draw(const std::string& given) {
  const std::string picture = visible(given);
  if (!interactive_) {
    std::string news;
    for (size_t at = 0; at < picture.size();) {
      const auto end = std::min(picture.find('\n', at), picture.size());
      const auto line = picture.substr(at, end - at);
      if (!("\n" + last_).contains("\n" + line + "\n")) news += line + "\n";
      at = end + 1;
    }
    print(news);
    last_ = picture;
    return;
  }
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const size_t columns = known ? size.ws_col : 80;
  std::string out = drawn_lines_ > 0 ? "\x1b[" + std::to_string(drawn_lines_) + "A" : "";
  drawn_lines_ = 0;
  for (size_t at = 0; at < picture.size();) {
    const auto end = std::min(picture.find('\n', at), picture.size());
    out += "\x1b[2K" + rendered(clipped(std::string_view(picture).substr(at, end - at), columns)) + "\n";
    ++drawn_lines_;
    at = end + 1;
  }
  print_raw(out + "\x1b[J");  // put together of what is rendered
}

void Terminal::settle() {
  drawn_lines_ = 0;
  last_.clear();
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (const auto mark = mark_size(text.substr(i))) {
      i += mark - 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

std::string pad(std::string text, size_t width) {
  const auto have = display_width(text);
  if (have < width) text.append(width - have, ' ');
  return text;
}

GrowingTable::GrowingTable(std::vector<std::string> header) : header_(std::move(header)) {
  for (const auto& cell : header_) widths_.push_back(display_width(cell));
}

std::string GrowingTable::line(const std::vector<std::string>& row) const {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) line += i + 1 < row.size() ? pad(row[i], widths_[i] + 3) : row[i];
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string GrowingTable::add(std::vector<std::vector<std::string>> rows) {
  if (rows.empty()) return {};
  for (auto& row : rows) {
    for (auto& cell : row) cell = one_line(cell);
    widths_.resize(std::max(widths_.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], display_width(row[i]));
  }
  std::string out = begun_ ? "" : line(header_);
  begun_ = true;
  for (const auto& row : rows) out += line(row);
  return out;
}

std::string table(const std::vector<std::string>& header, std::vector<std::vector<std::string>> rows) {
  GrowingTable growing(header);
  const bool empty = rows.empty();
  auto text = growing.add(std::move(rows));
  // Without rows the header alone says what there would be.
  if (!empty) return text;
  std::string line;
  for (const auto& cell : header) line += (line.empty() ? "" : "   ") + cell;
  return line + "\n";
}

Colour colour_of_state(std::string_view state) {
  if (state == "Ready" || state == "Connected" || state == "Current") return Colour::kGreen;
  if (state == "Stalled" || state == "Failed" || state == "Returned" || state == "Blocked" ||
      state == "Lost" || state == "Revoked" || state == "Degraded")
    return Colour::kRed;
  if (state == "Stale") return Colour::kDim;
  return Colour::kYellow;
}

std::string_view mark_of_state(std::string_view state) {
  if (state == "Ready") return "✔";
  if (state == "Stalled" || state == "Failed" || state == "Blocked" || state == "Degraded") return "✖";
  if (state == "Stale" || state.empty()) return "?";
  return state == "Pending" || state == "Waiting" ? "○" : "●";
}

}  // namespace qleet::cli
