#include "cli/exit_codes.h"

#include <array>

namespace qleet::cli {
namespace {

constexpr std::array kMeanings{
    ExitMeaning{Exit::kOk, "done", "done"},
    ExitMeaning{Exit::kFailed, "did not work out",
                "it did not work out (what was waited for stalled, failed, or was gone back from; `plan "
                "--exit-code` found something to do)"},
    ExitMeaning{Exit::kUsage, "wrong command line", "the command line is wrong"},
    ExitMeaning{Exit::kNotFound, "not found", "not found"},
    ExitMeaning{Exit::kConflict, "conflict", "conflict: changed by someone else, or in use"},
    ExitMeaning{Exit::kDenied, "not allowed", "no, unknown or insufficient credentials"},
    ExitMeaning{Exit::kUnavailable, "hub unreachable", "the hub cannot be reached"},
    ExitMeaning{Exit::kTimeout, "timeout",
                "waited long enough; it goes on (`build notify`: 1 where an environment had failed by then)"},
    ExitMeaning{Exit::kInvalid, "refused input", "the input was refused; nothing was changed"},
    ExitMeaning{Exit::kNotFollowed, "nothing follows the build",
                "`build notify`: nothing follows the image, and the hub keeps the build for who will; 0 with "
                "`--allow-unfollowed`"},
    ExitMeaning{Exit::kReplaced, "replaced by something newer",
                "`--wait`: what was waited for was replaced by something newer before it was ready; which "
                "release, is said. How it goes with the newer one counts for nothing"},
    ExitMeaning{Exit::kInterrupted, "Ctrl-C", "Ctrl-C while it was followed; it goes on"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() { return kMeanings; }

std::string exit_codes_line() {
  std::string line = "Exit codes: ";
  for (const auto& meaning : kMeanings) {
    if (meaning.exit != Exit::kOk) line += ", ";
    line += std::to_string(static_cast<int>(meaning.exit)) + " " + std::string(meaning.brief);
  }
  return line + ".";
}

}  // namespace qleet::cli
