// What a person sees: colour only on a terminal, tables, and a picture that is drawn over itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output.h"

namespace qleet::cli {

class Terminal {
 public:
  // Looks at stdout, NO_COLOR and TERM.
  Terminal();
  bool interactive() const { return interactive_; }
  std::string paint(std::string_view text, Colour colour) const;

  // How many lines a picture may have so that it never scrolls out of sight, where nothing could draw over
  // it.
  size_t rows() const;

  // On a terminal only: replaces what the last draw() printed. No line wraps, and what is too tall is cut
  // off.
  void draw(const std::string& given);
  // Replaces what the last draw() printed by all of this picture, however tall; what comes next is printed
  // below.
  void settle(const std::string& given);

 private:
  std::string erased(size_t columns);

  bool interactive_ = false;
  bool colours_ = false;
  std::vector<size_t> drawn_;  // width of each line that draw() printed
};

// Columns as wide as their widest cell; header in capitals. Cells may hold colours; each is one line.
std::string table(const std::vector<std::string>& header, std::vector<std::vector<std::string>> rows);

// The same for rows that come one after another: the header stands before the first ones, and a column grows
// with what it has held.
class GrowingTable {
 public:
  explicit GrowingTable(std::vector<std::string> header);
  // The text of these rows; with nothing to show, nothing.
  std::string add(std::vector<std::vector<std::string>> rows);

 private:
  std::string line(const std::vector<std::string>& row) const;

  std::vector<std::string> header_;
  std::vector<size_t> widths_;
  bool begun_ = false;
};

// Of what is seen: UTF-8 characters, without marks of colours.
size_t display_width(std::string_view text);
std::string pad(std::string text, size_t width);

// For lines that come one after another. The beginning of a text, at most 160 characters, with "..." where
// that is not all.
std::string shortened(const std::string& text);
// Words in which only digits differ ("10.1.0.7:80", "12") are the same in it: to compare by.
std::string without_numbers(std::string_view text);

Colour colour_of_state(std::string_view state);
// "✔", "✖", "●", "○" for Ready, Stalled, on its way, unknown.
std::string_view mark_of_state(std::string_view state);

}  // namespace qleet::cli
