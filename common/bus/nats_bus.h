// The Bus on core NATS, through cnats.
//
// Connects in the background and stays so: a lost connection is made again for ever, after a jittered wait;
// subscriptions survive. A refusal (unknown, revoked or expired identity) is kRefused and tried again too,
// with a wait that grows: the hub may restore what it refused.
//
// Threads: handlers of messages run on the library's one delivery thread, shared by every NatsBus of the
// process; handlers of states on another of its threads or one of this bus. Copy, post, return.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet {

// In the certificate of the server that a hub runs, whatever address it is reached at.
inline constexpr std::string_view kBrokerTlsName = "broker.qleet.internal";

struct NatsOptions {
  // nats://host:port or tls://host:port; several servers of one cluster.
  std::vector<std::string> urls;
  // Of this client: one token (letters, digits, - and _). Answers come to _INBOX.<name>.>
  std::string name;

  // With tls:// URLs. `tls_ca_pem` empty: the system's CAs. The certificate must be for `tls_server_name`;
  // empty: for the URL's host, name or address.
  std::string tls_ca_pem;
  std::string tls_server_name;

  // NATS user token and the seed of its key; both empty: no identity.
  std::string user_jwt;
  std::string user_seed;

  // For one attempt. Also the longest that close() waits, if it comes during one.
  Millis connect_timeout{5'000};
  // Before a lost connection is made again. Spread the jitter wider for larger fleets (10,000 agents: 5 s).
  Millis reconnect_wait{500};
  Millis reconnect_jitter{1'500};
  // The wait doubles up to this while no connection can be made, or it is refused.
  Millis max_wait{15'000};
  // The server is asked for a sign of life so often; two missing answers end the connection.
  Millis ping_interval{20'000};

  // Per connection and direction. 4 KiB suits an agent, where many share a machine.
  int io_buffer_bytes = 32 * 1024;
  // Per subscription, what has arrived but is not handled yet; more is dropped, and told to on_error. -1: no
  // limit (the hub's, which must shed deliberately instead).
  int max_pending_messages = 65'536;
  int max_pending_bytes = 64 * 1024 * 1024;

  // Told of what goes wrong outside a call: a subject not permitted, messages dropped. Any thread.
  std::function<void(const std::string& what)> on_error;
};

// For agents: small buffers.
NatsOptions small_nats_options();

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
