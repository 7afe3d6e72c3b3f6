// Following what a change leads to, until it is done.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "cli/tree_view.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

enum class Progress { kOnTheWay, kDone, kWaitsForPeople, kFailed };

// Of the places of `environment` (empty: all of them).
Progress progress_of(const v1::Tree& tree, const std::string& environment);

// Draws the tree of each application until all are done (where standard output is no terminal: a line for
// each change); prints what is wrong when one stalls. Ctrl-C ends it with 130, after a line that says how to
// go on.
Exit follow(Session& session, const std::vector<std::string>& applications, const std::string& environment,
            const std::string& timeout);

// Calls `look` now and whenever the hub's objects below `watch_path` change (and once a second at the least),
// until it returns an exit code or the deadline passes (then kTimeout).
Exit until(Session& session, const std::string& watch_path, Millis timeout,
           const std::function<std::optional<Exit>()>& look);

// Until the hub no longer has the object; an unreachable hub is waited for. kTimeout says nothing to the
// user.
Exit until_gone(Session& session, const std::string& plural, const std::string& name, Millis timeout);

}  // namespace qleet::cli
