// All that the command prints goes through here. Much of it was written by others (a workload's log, another
// tenant's messages, a document of a stranger), and a terminal obeys what it is sent: so control characters,
// C1 ones and those that turn the direction of writing included, are shown as "\u001b" rather than sent.
// Newlines and tabs stay.
//
// Colours are marked in texts, by marked(), with bytes that UTF-8 never holds; only these become escape
// sequences.
#pragma once

#include <string>
#include <string_view>

namespace qleet::cli {

enum class Colour { kNone, kGreen, kYellow, kRed, kDim, kBold, kCyan, kMagenta, kBlue };

// To standard output, at once; to standard error.
void print(std::string_view text);
void print_error(std::string_view text);

// Bytes as they are, for pipes and files: a log. Never for a terminal.
void print_raw(std::string_view bytes);

// Whether standard output is one.
bool prints_to_terminal();

std::string marked(std::string_view text, Colour colour);
// 0, or the size of the mark that `text` begins with.
size_t mark_size(std::string_view text);

// What print() sends: control characters shown, marks as escape sequences.
std::string rendered(std::string_view text);
// Control characters shown; marks stay. A "\r" before "\n" goes.
std::string visible(std::string_view text);
// The same, and newlines and tabs are shown too: for what has one line alone.
std::string one_line(std::string_view text);

// visible() of text that comes in pieces, which may end within a character.
class VisibleStream {
 public:
  std::string feed(std::string_view piece);
  // What is left at the end.
  std::string finish();

 private:
  std::string rest_;
};

}  // namespace qleet::cli
