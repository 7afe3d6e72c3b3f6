// Messages between hub and agents: core NATS semantics (at most once, no order across subjects after a
// reconnect, any message may be lost). What must not be lost is made so above it (docs/protocol.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet {

struct Message {
  std::string subject;
  std::string reply;  // empty: no answer wanted
  std::string data;
};

// Called on a thread of the bus's own: copy what is needed, post it to the owner, return.
using MessageHandler = std::function<void(Message)>;

enum class BusState { kConnecting, kConnected, kDisconnected, kRefused };

// Thread-safe.
class Bus {
 public:
  virtual ~Bus() = default;
  // Fire and forget: an error says that it surely was not sent, success says nothing.
  virtual Result<> publish(std::string_view subject, std::string_view data) = 0;
  // `handler` may run until the returned handle has been destroyed, not after.
  virtual Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler) = 0;
  // Sends with a fresh inbox as reply; `handler` sees every answer (there may be several) until the handle is
  // destroyed. No answer at all is the caller's to notice (deadline).
  virtual Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                                MessageHandler handler) = 0;
  // Told of the present state, at once, and of each change, from any thread.
  virtual void on_state(std::function<void(BusState, std::string why)> handler) = 0;
};

}  // namespace qleet
