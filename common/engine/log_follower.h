// The logs of several containers as one: what is there, or followed through restarts and into containers that
// come later.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/engine/client.h"
#include "common/text/log_line.h"

namespace qleet::containers {

struct LogSource {
  std::string id;    // of the container
  std::string name;  // as LogLine::source
  bool running = false;
};

using ListLogSources = std::function<Result<std::vector<LogSource>>()>;
// Calls back, from any thread, when the list may have changed; until the handle is destroyed.
using WatchLogSources = std::function<std::shared_ptr<void>(std::function<void()>)>;

// Blocks. One call of the sink at a time; its false ends it. Followed, it ends in no other way: an engine
// that is away is waited for, and what was told is not told again. The sink is asked every few seconds with
// an empty line. kNotFound: with `previous`, where there was no run before the present one. `watch` may be
// empty.
Result<> read_logs(Client& client, const LogWish& wish, const ListLogSources& list,
                   const WatchLogSources& watch, const std::function<bool(const LogLine&)>& sink);

}  // namespace qleet::containers
