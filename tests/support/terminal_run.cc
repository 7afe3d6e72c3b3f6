#include "tests/support/terminal_run.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace qleet::test {
namespace {

constexpr char kEscape = '\x1b';

// Size of the escape sequence at the beginning; 0: it is not complete yet.
size_t sequence_size(std::string_view text) {
  if (text.size() < 2) return 0;
  if (text[1] != '[') return 2;
  for (size_t i = 2; i < text.size(); ++i) {
    if (text[i] >= '@' && text[i] <= '~') return i + 1;
  }
  return 0;
}

size_t character_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::string joined(const std::vector<std::string>& row) {
  std::string text;
  for (const auto& character : row) text += character;
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

void Screen::feed(std::string_view bytes) {
  pending_ += bytes;
  size_t at = 0;
  while (at < pending_.size()) {
    const char c = pending_[at];
    size_t size = 1;
    if (c == kEscape) {
      size = sequence_size(std::string_view(pending_).substr(at));
      if (size == 0) break;
      escape(pending_.substr(at, size));
    } else if (c == '\n') {
      line_feed();
    } else if (c == '\r') {
      column_ = 0;
    } else {
      size = character_size(c);
      if (at + size > pending_.size()) break;
      put(pending_.substr(at, size));
    }
    at += size;
  }
  pending_.erase(0, at);
}

void Screen::put(std::string character) {
  if (column_ == columns_) {
    column_ = 0;
    line_feed();
  }
  auto& row = lines_[row_];
  if (row.size() <= column_) row.resize(column_ + 1, " ");
  row[column_++] = std::move(character);
}

void Screen::line_feed() {
  if (++row_ == lines_.size()) lines_.emplace_back();
  if (lines_.size() <= rows_) return;
  gone_.push_back(joined(lines_.front()));
  lines_.erase(lines_.begin());
  --row_;
}

void Screen::escape(const std::string& sequence) {
  const size_t number =
      sequence.size() > 3 ? static_cast<size_t>(std::strtoul(sequence.c_str() + 2, nullptr, 10)) : 0;
  switch (sequence.size() > 2 ? sequence.back() : '\0') {
    case 'm':
      return;
    case 'A':
      row_ -= std::min(row_, std::max<size_t>(number, 1));
      return;
    case 'K':
      if (number == 2) {
        lines_[row_].clear();
      } else if (lines_[row_].size() > column_) {
        lines_[row_].resize(column_);
      }
      return;
    case 'J':
      lines_.resize(row_ + 1);
      if (lines_[row_].size() > column_) lines_[row_].resize(column_);
      return;
    default:
      unknown_.push_back(sequence);
  }
}

std::vector<std::string> Screen::rows() const {
  std::vector<std::string> seen;
  for (const auto& line : lines_) seen.push_back(joined(line));
  while (!seen.empty() && seen.back().empty()) seen.pop_back();
  return seen;
}

std::string Screen::text() const {
  std::string text;
  for (const auto& row : rows()) text += row + "\n";
  return text;
}

TerminalRun::TerminalRun(std::vector<std::string> command, TerminalOptions options)
    : options_(std::move(options)) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(options_.columns);
  size.ws_row = static_cast<unsigned short>(options_.rows);
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (child_ < 0) throw std::runtime_error("no pseudo terminal can be had");
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // A shell's background jobs ignore them, and so would whoever is started from one.
    for (const int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
    ::setenv("TERM", "xterm-256color", 1);
    for (const auto& [name, value] : options_.environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
}

TerminalRun::~TerminalRun() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  if (terminal_ >= 0) ::close(terminal_);
}

void TerminalRun::type(std::string_view keys) {
  while (!keys.empty()) {
    const auto written = ::write(terminal_, keys.data(), keys.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads any more: seen by what is waited for next
    keys.remove_prefix(static_cast<size_t>(written));
  }
}

void TerminalRun::resize(unsigned columns, unsigned rows) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  (void)::ioctl(terminal_, TIOCSWINSZ, &size);
}

bool TerminalRun::read_some(std::chrono::milliseconds patience) {
  if (closed_) return false;
  pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return true;
  char chunk[4096];
  const auto got = ::read(terminal_, chunk, sizeof chunk);
  if (got > 0) {
    bytes_.append(chunk, static_cast<size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    closed_ = true;  // EIO: the command has ended
  }
  return !closed_;
}

bool TerminalRun::wait_for(std::string_view text, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + patient(limit);
  while (!bytes_.contains(text)) {
    if (!read_some(std::chrono::milliseconds(20)) || std::chrono::steady_clock::now() > deadline)
      return bytes_.contains(text);
  }
  return true;
}

int TerminalRun::wait(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + patient(limit);
  while (read_some(std::chrono::milliseconds(20))) {
    if (std::chrono::steady_clock::now() > deadline) return -1;
  }
  int status = 0;
  while (::waitpid(child_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  child_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string TerminalRun::text() const {
  std::string out;
  for (size_t at = 0; at < bytes_.size();) {
    if (bytes_[at] == kEscape) {
      const auto size = sequence_size(std::string_view(bytes_).substr(at));
      at += size == 0 ? bytes_.size() - at : size;
    } else {
      if (bytes_[at] != '\r') out += bytes_[at];
      ++at;
    }
  }
  return out;
}

Screen TerminalRun::screen() const {
  Screen screen(options_.columns, options_.rows);
  screen.feed(bytes_);
  return screen;
}

}  // namespace qleet::test
