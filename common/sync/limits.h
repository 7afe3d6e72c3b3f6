// Numbers of the protocol that both sides must agree on.
#pragma once

#include <cstddef>

#include "common/clock/clock.h"

namespace qleet::sync {

// The hub's nats-server refuses larger messages.
inline constexpr size_t kMaxMessageBytes = size_t{256} * 1024;
// What a sender fills a message with at most; the rest is for the envelope.
inline constexpr size_t kFillBytes = size_t{224} * 1024;

// A resource must fit into one message with its envelope; larger ones can reach no agent.
inline constexpr size_t kMaxResourceBytes = size_t{200} * 1024;

inline constexpr Millis kHeartbeatEvery{10'000};
// Names in a heartbeat's lists.
inline constexpr size_t kMaxListedNames = 256;

}  // namespace qleet::sync
