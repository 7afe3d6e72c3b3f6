// How to reach a NATS server and who one is there: the same for every Bus that speaks to one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
  // What is shown to a server that asks for it; both empty: nothing. PEM.
  std::string tls_certificate_pem;
  std::string tls_key_pem;

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

  // Of NatsBus alone: per connection and direction. 4 KiB suits an agent, where many share a machine.
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

struct NatsAddress {
  std::string host;  // an IPv6 address without brackets
  std::string port;  // 4222 where none is written
};
// Of nats://host:port or tls://[v6]:port. kInvalid: of neither, no host, a bad port, or credentials in it.
Result<NatsAddress> nats_address(std::string_view url);

// kInvalid names the wrong option.
Result<> check(const NatsOptions& options);

}  // namespace qleet
