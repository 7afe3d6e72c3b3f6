#include "hub/store/change_log.h"

#include <fmt/format.h>

namespace qleet::hub {

Result<> check_log_reaches(Revision after, Revision floor, Revision current) {
  if (after < floor) {
    return fail(Code::kCompacted,
                fmt::format("changes after revision {} are gone, the log reaches back to {}: list again",
                            after, floor));
  }
  if (after > current) {
    return fail(
        Code::kCompacted,
        fmt::format("revision {} is ahead of the store, which is at {} (was it restored?): list again", after,
                    current));
  }
  return {};
}

}  // namespace qleet::hub
