#include "tests/support/tls_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace qleet::testing {

TlsSocket::TlsSocket(std::uint16_t port) {
  std::signal(SIGPIPE, SIG_IGN);
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  context_ = SSL_CTX_new(TLS_client_method());
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, fd_);
  if (SSL_connect(ssl_) != 1) closed_ = true;
}

TlsSocket::~TlsSocket() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ::close(fd_);
}

bool TlsSocket::send(std::string_view bytes) {
  while (!bytes.empty() && !closed_) {
    const int n = SSL_write(ssl_, bytes.data(), static_cast<int>(std::min<size_t>(bytes.size(), 16384)));
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return !closed_;
}

bool TlsSocket::read_some(std::chrono::steady_clock::time_point deadline) {
  if (closed_) return false;
  if (SSL_pending(ssl_) == 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd one{fd_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) <= 0) return false;
  }
  char bytes[16384];
  const int n = SSL_read(ssl_, bytes, sizeof bytes);
  if (n <= 0) {
    closed_ = true;
    return false;
  }
  received_.append(bytes, static_cast<size_t>(n));
  return true;
}

std::string TlsSocket::read_until(std::string_view mark, std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (;;) {
    const size_t found = received_.find(mark);
    if (found != std::string::npos) {
      std::string taken = received_.substr(0, found + mark.size());
      received_.erase(0, taken.size());
      return taken;
    }
    if (!read_some(deadline)) return {};
  }
}

std::string TlsSocket::read_all(std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (read_some(deadline)) {
  }
  return std::move(received_);
}

std::string TlsSocket::read_response(std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  std::string response = read_until("\r\n\r\n", within);
  const size_t field = response.find("Content-Length: ");
  if (field == std::string::npos) return response;
  const size_t length = std::stoul(response.substr(field + 16));
  while (received_.size() < length && read_some(deadline)) {
  }
  response += received_.substr(0, length);
  received_.erase(0, length);
  return response;
}

}  // namespace qleet::testing
