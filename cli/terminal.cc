#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace qleet::cli {
namespace {

// Columns and rows of standard output.
std::pair<size_t, size_t> size() {
  winsize known{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &known) != 0) return {80, 24};
  return {known.ws_col > 0 ? known.ws_col : 80, known.ws_row > 0 ? known.ws_row : 24};
}

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

size_t Terminal::rows() const {
  const auto [columns, rows] = size();
  return std::max<size_t>(rows, 2) - 1;
}

// Goes back to where the last picture began. A window that was made narrower has wrapped its lines.
std::string Terminal::erased(size_t columns) {
  size_t up = 0;
  for (const auto width : drawn_) up += std::max<size_t>(1, (width + columns - 1) / columns);
  drawn_.clear();
  return up > 0 ? "\x1b[" + std::to_string(up) + "A" : "";
}

void Terminal::draw(const std::string& given) {
  if (!interactive_) return;
  const std::string picture = visible(given);
  const auto [columns, rows] = size();
  const size_t most = std::max<size_t>(rows, 2) - 1;
  std::string out = erased(columns);
  for (size_t at = 0; at < picture.size() && drawn_.size() < most;) {
    const auto end = std::min(picture.find('\n', at), picture.size());
    const auto line = clipped(std::string_view(picture).substr(at, end - at), columns);
    out += "\x1b[2K" + rendered(line) + "\n";
    drawn_.push_back(display_width(line));
    at = end + 1;
  }
  print_raw(out + "\x1b[J");  // put together of what is rendered
}

void Terminal::settle(const std::string& given) {
  if (interactive_) print_raw(erased(size().first) + "\x1b[J" + rendered(given));
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

std::string shortened(const std::string& text) {
  constexpr size_t kWidest = 160;
  if (display_width(text) <= kWidest) return text;
  return clipped(text, kWidest - 3) + "...";
}

std::string without_numbers(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_hex = [&](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    bool digits = false;
    // "3f:a0", "10.1.0.7:80" and "0.5" as a whole.
    while (end < text.size() && (is_hex(text[end]) || (digits && (text[end] == '.' || text[end] == ':'))))
      digits = is_digit(text[end++]) || digits;
    if (digits) {
      out += '#';
      at = end;
    } else {
      end = std::max(end, at + 1);
      out += text.substr(at, end - at);
      at = end;
    }
  }
  return out;
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
