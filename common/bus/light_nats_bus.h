// The Bus on core NATS with a client of our own: no threads of its own, little memory per connection, any
// number of connections on one IoLoop.
//
// Behaves as NatsBus does: connects in the background and stays so; subscriptions survive; a refusal is
// kRefused and tried again with a wait that grows; nothing is kept for later while there is no connection.
//
// Handlers run on the loop's thread: copy, post, return.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/bus/bus.h"
#include "common/bus/nats_options.h"
#include "common/loop/io_loop.h"
#include "common/net/socket.h"

namespace qleet {

class LightNatsBus final : public Bus {
 public:
  // Does not wait for a connection. kInvalid names the wrong option. `loop` must serve, or be served again,
  // as long as the bus lives; it may end with the bus still there. `trust`: of several connections that
  // believe and show the same, or where that is replaced while they live; null: made of the options.
  static Result<std::unique_ptr<LightNatsBus>> start(NatsOptions options, IoLoop& loop,
                                                     std::shared_ptr<const TlsTrust> trust = nullptr);
  // As close().
  ~LightNatsBus() override;
  LightNatsBus(const LightNatsBus&) = delete;
  LightNatsBus& operator=(const LightNatsBus&) = delete;

  // kUnavailable while there is no connection, or where it takes nothing.
  Result<> publish(std::string_view subject, std::string_view data) override;
  // Destroying the handle waits for a handler that is running, unless on its own thread.
  Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler) override;
  Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                        MessageHandler handler) override;
  void on_state(std::function<void(BusState, std::string why)> handler) override;

  BusState state() const;
  bool wait_connected(Millis timeout) const;
  // Until the server has seen all that was published before, and what it sent before that was handled;
  // kDeadline, kUnavailable. Not on the loop's thread.
  Result<> flush(Millis timeout);
  // No handler runs afterwards; every later call fails with kUnavailable. Idempotent.
  void close();

 private:
  class Core;
  explicit LightNatsBus(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace qleet
