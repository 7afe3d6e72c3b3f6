// Somebody at a TCP port of 127.0.0.1 who says what no client would, in clear text or in TLS of a chosen
// kind.
#pragma once

#include <string>
#include <string_view>

namespace qleet::test {

class TcpStranger {
 public:
  // Connects; reads up to `greeting` where the server speaks first. Throws std::runtime_error where it
  // cannot.
  explicit TcpStranger(int port, std::string_view greeting = {});
  ~TcpStranger();
  TcpStranger(const TcpStranger&) = delete;
  TcpStranger& operator=(const TcpStranger&) = delete;

  // Says it, ends its own side, and hears until the other ends or some seconds are over.
  std::string say(std::string_view bytes);
  bool closed() const { return closed_; }
  // Offers this version of TLS (TLS1_2_VERSION, ...) and, below 1.3, these suites, without a certificate. "":
  // taken; else OpenSSL's reason, which names the server's alert. Nothing is verified.
  std::string handshake(int version, const char* suites);

 private:
  std::string read_some();
  int fd_ = -1;
  bool closed_ = false;
};

}  // namespace qleet::test
