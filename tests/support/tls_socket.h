// A raw TLS connection for tests that must send what no client would.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/patience.h"

namespace qleet::testing {

class TlsSocket {
 public:
  // Connects to 127.0.0.1; throws when it cannot. Nothing is verified.
  explicit TlsSocket(std::uint16_t port);
  ~TlsSocket();
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  // False once the peer has closed.
  bool send(std::string_view bytes);
  // Everything received up to and including `mark` and since construction; empty when it did not come in
  // time, or the peer closed.
  std::string read_until(std::string_view mark,
                         std::chrono::milliseconds within = test::patient(std::chrono::seconds(10)));
  // Everything until the peer closes.
  std::string read_all(std::chrono::milliseconds within = test::patient(std::chrono::seconds(10)));
  // A response with Content-Length, whole; taken out of what was received.
  std::string read_response(std::chrono::milliseconds within = test::patient(std::chrono::seconds(10)));
  bool closed() const { return closed_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);

  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string received_;
  bool closed_ = false;
};

}  // namespace qleet::testing
