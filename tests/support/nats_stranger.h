// Somebody at a nats-server's port who says what no client of ours would: with any certificate or none, and
// any token.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/net/socket.h"

namespace qleet::testing {

// A user token whose issuer is the beginning of an account's key, well-formed as text: nats-server before
// 2.12.10 panics on it (NATS advisory 2026-23).
std::string token_with_a_truncated_issuer();

// All on one thread.
class NatsStranger {
 public:
  // Connects to 127.0.0.1, reads the greeting, and begins TLS; shows `client` where it is not empty.
  NatsStranger(int port, const std::string& ca_pem, const std::string& server_name, const TlsClient& client);

  // TCP and the client's side of the handshake: with TLS 1.3 a refusal of its certificate comes later.
  bool connected() const { return error_.empty(); }
  // CONNECT with this token, and a PING. What the server says then, up to a PONG or its end.
  std::string say_hello_with(const std::string& user_jwt);
  // Why the connection ended; empty: it has not.
  const std::string& error() const { return error_; }

 private:
  bool wait(Socket::Need need) const;
  bool fail_with(std::string why);
  bool begin(int port, const std::string& ca_pem, const std::string& server_name, const TlsClient& client);

  std::unique_ptr<Socket> socket_;
  std::shared_ptr<TlsTrust> trust_;
  std::string error_;
};

}  // namespace qleet::testing
