// What the hub is told about one resource.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/engine/decide.h"
#include "agent/engine/node.h"
#include "common/clock/clock.h"

namespace qleet::agent {

// Brings `node.runtime.report` to what the decision shows; a quiet decision leaves what is shown, unless that
// was about another generation. True where the content changed: it has a new version then. Versions grow as
// max(last + 1, milliseconds since 1970), so they also grow when a journal was lost. The first one of a
// resource is above `newest`, the newest version of any: the clock may have been set back since it was here
// before.
bool update_report(Node& node, const Decision& decision, WallTime now, std::uint64_t newest);

// Every secret in `text` made unreadable. Providers must not put one there; this is for when one does.
std::string redact(std::string text, const std::vector<std::string>& secrets);

// The state shown now; empty: none yet.
const std::string& shown_state(const Node& node);

}  // namespace qleet::agent
