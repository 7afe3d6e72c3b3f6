// An operator's order to follow a hub's store, whatever the agent knows of it: given on the agent's host, by
// who may write its journal.
#pragma once

#include <string>

#include "agent/journal/journal.h"

namespace qleet::agent {

// The journal then knows `epoch`, from its beginning. No entry counts as stated by it: all run on until it
// states them, and a tombstone that is its first word on one is not honoured, also where it is an epoch that
// the agent was in before. Reports are to be confirmed anew. False: the agent is in that epoch already.
// kInvalid: it is no epoch. The agent must not run.
Result<bool> order_epoch(Journal& journal, const std::string& epoch);

}  // namespace qleet::agent
