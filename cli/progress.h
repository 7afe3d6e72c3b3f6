// Following what a change leads to, until it is done.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "cli/tree_view.h"
#include "cli/verdict.h"
#include "common/model/model.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

// Draws the tree of each application until all are done (where standard output is no terminal: a line for
// each change); prints what is wrong when one stalls. Ctrl-C ends it with 130, after a line that says how to
// go on. Without a `timeout` (empty) as long as the rollouts' own deadlines let them take (cli/patience.h).
// With an `environment` that alone is drawn and judged; one that an application does not ask for ends
// it at once with kNotFound. `goals`: what is waited for, where that is known; else whatever is wanted
// (cli/verdict.h).
Exit follow(Session& session, const std::vector<std::string>& applications, const std::string& environment,
            const std::string& timeout, const std::vector<Goal>& goals = {});

// Calls `look` now and whenever the hub's objects below `watch_path` change (and once a second at the least),
// until it returns an exit code or it is later than `ends` says, which is asked after each look (then
// kTimeout).
Exit until(Session& session, const std::string& watch_path, const std::function<MonoTime()>& ends,
           const std::function<std::optional<Exit>()>& look);
Exit until(Session& session, const std::string& watch_path, Millis timeout,
           const std::function<std::optional<Exit>()>& look);

// Until the hub no longer has the object; an unreachable hub is waited for. kTimeout says nothing to the
// user. `uid`: of the one whose deletion was asked for: another one of its name is not it, and kConflict
// where that was taken back. Empty: any.
Exit until_gone(Session& session, const model::Kind& kind, const std::string& name, const std::string& uid,
                Millis timeout);
// Of the object as it is now; empty where there is none, or the hub does not say.
std::string uid_of(Session& session, const model::Kind& kind, const std::string& name);

}  // namespace qleet::cli
