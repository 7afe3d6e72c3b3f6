// What `qleet` exits with; documented in docs/reference/cli.md, never renumbered.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::cli {

enum class Exit : int {
  kOk = 0,
  kFailed = 1,  // it did not work out: a rollout stalled, a plan has changes with --exit-code, ...
  kUsage = 2,   // the command line is wrong
  kNotFound = 3,
  kConflict = 4,       // someone else changed it, or it is in use
  kDenied = 5,         // no, unknown or insufficient credentials
  kUnavailable = 6,    // the hub cannot be reached
  kTimeout = 7,        // waited long enough
  kInvalid = 8,        // the input was refused; nothing was changed
  kNotFollowed = 9,    // build notify: nothing follows the image; the hub keeps the build for who will
  kReplaced = 10,      // what was waited for was replaced by something newer before it was ready
  kInterrupted = 130,  // Ctrl-C while it was followed; it goes on
};

Exit exit_of(Code code);

// What each means, as docs/reference/cli.md has it.
struct ExitMeaning {
  Exit exit;
  std::string_view brief;  // for --help
  std::string_view whole;  // the table's text
};
std::span<const ExitMeaning> exit_meanings();

// The line on them at the end of each --help.
std::string exit_codes_line();

}  // namespace qleet::cli
