#include "tests/support/tcp_stranger.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>

#include "tests/support/patience.h"

namespace qleet::test {

namespace {
constexpr std::chrono::seconds kPatience{15};
}  // namespace

TcpStranger::TcpStranger(int port, std::string_view greeting)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval limit{.tv_sec = patient(kPatience).count(), .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  std::string heard;
  while (!greeting.empty() && !closed_ && heard.find(greeting) == std::string::npos) heard += read_some();
}

TcpStranger::~TcpStranger() { ::close(fd_); }

// "" where it has ended, or says nothing.
std::string TcpStranger::read_some() {
  char bytes[4096];
  const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) closed_ = true;
  return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : "";
}

std::string TcpStranger::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(fd_, SHUT_WR);
  std::string heard;
  for (std::string part = read_some(); !part.empty(); part = read_some()) heard += part;
  return heard;
}

std::string TcpStranger::handshake(int version, const char* suites) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  if (*suites != '\0' && SSL_CTX_set_cipher_list(context.get(), suites) != 1)
    throw std::runtime_error(std::string("unknown suite ") + suites);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), fd_);
  ERR_clear_error();
  if (SSL_connect(ssl.get()) == 1) return "";
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "ended without an alert";
}

}  // namespace qleet::test
