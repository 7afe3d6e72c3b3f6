// A command under a pseudo terminal, as a person has it: what it prints, what is then on the screen, keys
// that are pressed, a window that is made smaller.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/support/child.h"

namespace qleet::test {

// What a terminal of that size shows of what it was sent: newlines, carriage returns, the cursor up, erasing,
// and lines that wrap. Colours are taken and not kept. Not a whole terminal: the sequences that `qleet`
// sends.
class Screen {
 public:
  explicit Screen(unsigned columns = 80, unsigned rows = 24) : columns_(columns), rows_(rows) {}

  void feed(std::string_view bytes);
  // The rows that are seen now, without blanks at their ends; empty ones below the last are left out.
  std::vector<std::string> rows() const;
  std::string text() const;
  // What went out at the top, oldest first.
  const std::vector<std::string>& scrollback() const { return gone_; }
  // Escape sequences that were seen and are none of those above.
  const std::vector<std::string>& unknown() const { return unknown_; }

 private:
  using Row = std::vector<std::string>;  // one character each
  void put(std::string character);
  void line_feed();
  void escape(const std::string& sequence);

  const unsigned columns_;
  const unsigned rows_;
  std::string pending_;
  std::vector<Row> lines_{1};
  size_t row_ = 0;
  size_t column_ = 0;
  std::vector<std::string> gone_;
  std::vector<std::string> unknown_;
};

struct TerminalOptions {
  unsigned columns = 80;
  unsigned rows = 24;
  Environment environment = {};  // TERM is xterm-256color unless it says otherwise
};

// Not thread-safe. The command is killed with this object.
class TerminalRun {
 public:
  // Throws std::runtime_error where no terminal can be had.
  explicit TerminalRun(std::vector<std::string> command, TerminalOptions options = {});
  ~TerminalRun();
  TerminalRun(const TerminalRun&) = delete;
  TerminalRun& operator=(const TerminalRun&) = delete;

  // As if typed: "yes\n"; "\x03" is Ctrl-C.
  void type(std::string_view keys);
  void resize(unsigned columns, unsigned rows);
  // Until what was printed so far contains `text`. False: the command ended, or the time passed, before.
  bool wait_for(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(20));
  // Until it has ended: its exit code, 128 + signal where one ended it; -1: still running after `limit`.
  int wait(std::chrono::milliseconds limit = std::chrono::seconds(60));

  // All bytes that came so far ("\r\n" at the end of lines, as terminals get it).
  const std::string& bytes() const { return bytes_; }
  // The same without escape sequences and carriage returns.
  std::string text() const;
  // As a terminal of the size that it was started with shows it.
  Screen screen() const;

 private:
  // False once the other end is closed.
  bool read_some(std::chrono::milliseconds patience);

  const TerminalOptions options_;
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string bytes_;
  bool closed_ = false;
};

}  // namespace qleet::test
