// The stored status of an agent and of its region, from what is known of the agent. Pure.
#pragma once

#include "hub/dispatch/boot_watch.h"
#include "hub/dispatch/messages.h"
#include "hub/fleet/liveness.h"
#include "qleet/v1/region.pb.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

struct AgentFacts {
  Sight sight;
  bool revoked = false;
  bool suspended = false;    // cut off for a while
  wire::v1::Heartbeat beat;  // the newest; empty: none was heard by this process
  std::optional<BootWatch::Copies> copies;
  const ProviderSchemas* schemas = nullptr;  // null: those that are stored stay
};

// Sets the agent's status. Equal facts give an equal status, so that nothing is written without a change.
void describe(const AgentFacts& facts, WallTime now, v1::Agent& agent);
// Sets the region's agent and its Connected condition.
void describe(const v1::Agent& serving, v1::Region& region);

// Whether two heartbeats differ in anything that `describe` shows.
bool same_facts(const wire::v1::Heartbeat& a, const wire::v1::Heartbeat& b);

}  // namespace qleet::hub
