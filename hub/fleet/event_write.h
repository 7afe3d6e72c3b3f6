// Events of agents as Event objects.
#pragma once

#include "common/clock/clock.h"
#include "hub/store/random.h"
#include "hub/store/store.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

// Events kept of each resource, and of each agent itself; the oldest go.
inline constexpr size_t kEventsPerResource = 50;

// Stores it once however often it comes; false: it is there already. The event must have been checked.
// `random`: for its uid.
Result<bool> write_event(Txn& txn, const std::string& agent, const wire::v1::EventReport& event, WallTime now,
                         const Random& random);

}  // namespace qleet::hub
