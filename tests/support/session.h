// A session at a shell, written down as a person sees it, and played again: each command runs, and what it
// shows must be what stands there. A file of these lines:
//
//   # a remark
//   $ qleet get apps                    runs in bash, standard output and error in one pipe
//   tty$ qleet status                   the same on a pseudo terminal of 80 x 24; what is then on its screen
//   (with
//                                       what went out at its top)
//   colours$ qleet diff shop            on a terminal as well, with its escape sequences, "^[" for ESC
//   > more of the command               such as a document that it reads
//   | what it shows                     every line of it, in order
//   [no newline at the end]             where the last line has none
//   [exit 3]                            where it is not 0
//
// And in front of a command, for that one:
//
//   (until it shows "Ready")            it is run again until it does
//   (at "go on: " type "shop")          on a terminal: once it shows that, the line is typed
//   (at "tick 3" press Ctrl-C)
//
// What differs each time (times, digests, ports, ids) is masked before it is compared: <time>, <digest>, ...
// Where something was masked, gaps of three or more blanks are taken for three: columns are as wide as what
// is in them.
//
// With QLEET_RECORD=1 what is shown is written into the file instead, for somebody to read and to commit.
#pragma once

#include <chrono>
#include <filesystem>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/child.h"

namespace qleet::test {

struct SessionStep {
  enum class On { kPipe, kScreen, kColours };

  std::vector<std::string> remarks;                       // lines in front of it, as they are
  std::string until;                                      // run again until it shows this
  std::vector<std::pair<std::string, std::string>> keys;  // at what is shown, what is typed
  On on = On::kPipe;
  std::string command;
  std::string shown;  // lines, with a newline at the end of each unless it has none
  int exit = 0;
  size_t line = 0;  // of the command in its file
};

struct SessionFile {
  std::vector<SessionStep> steps;
  std::vector<std::string> last_remarks;
};

// Throws std::runtime_error with the line that it cannot make out.
SessionFile read_session(const std::string& text);
std::string write_session(const SessionFile& session);

// What is always shown in place of what differs. In this order.
struct Mask {
  std::regex what;
  std::string shown;  // as std::regex_replace takes it
};

struct SessionSetting {
  std::filesystem::path folder;  // where the commands run
  Environment environment;
  std::vector<Mask> masks;
  std::chrono::milliseconds limit = std::chrono::minutes(3);  // of each command
};

// What everybody has: times, durations, digests.
std::vector<Mask> usual_masks();
std::string masked(std::string text, const std::vector<Mask>& masks);

// Plays it to its end, also where a step shows something else, and records every such step as a failure of
// the running test.
void play_session(const std::filesystem::path& file, const SessionSetting& setting);

}  // namespace qleet::test
