// The Bus on core NATS, through cnats.
//
// Connects in the background and stays so: a lost connection is made again for ever, after a jittered wait;
// subscriptions survive. A refusal (unknown, revoked or expired identity) is kRefused and tried again too,
// with a wait that grows: the hub may restore what it refused.
//
// Threads: handlers of messages run on the library's one delivery thread, shared by every NatsBus of the
// process; handlers of states on another of its threads or one of this bus. Copy, post, return.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/bus/bus.h"
#include "common/bus/nats_options.h"
#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet {

class NatsBus final : public Bus {
 public:
  // Does not wait for a connection. kInvalid names the wrong option.
  static Result<std::unique_ptr<NatsBus>> start(NatsOptions options);
  // As close().
  ~NatsBus() override;
  NatsBus(const NatsBus&) = delete;
  NatsBus& operator=(const NatsBus&) = delete;

  // kUnavailable while there is no connection: nothing is kept for later.
  Result<> publish(std::string_view subject, std::string_view data) override;
  // Also without a connection: in force from the next one on. Destroying the handle waits for a handler that
  // is running, unless on its own thread: do not hold a lock that the handler takes.
  Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler) override;
  Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                        MessageHandler handler) override;
  // Also told of the present state, at once, on the calling thread.
  void on_state(std::function<void(BusState, std::string why)> handler) override;

  BusState state() const;
  // True once connected; false if that has not come within `timeout`.
  bool wait_connected(Millis timeout) const;
  // Until the server has seen all that was published before; kDeadline, kUnavailable.
  Result<> flush(Millis timeout);
  // The token for the next connection that is made.
  void set_user_jwt(std::string jwt);
  // No handler runs afterwards; every later call fails with kUnavailable. Idempotent.
  void close();

 private:
  class Core;
  explicit NatsBus(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace qleet
