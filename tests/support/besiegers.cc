#include "tests/support/besiegers.h"

#include <poll.h>

namespace qleet::testing {
namespace {

constexpr int kPatienceMs = 10'000;

bool wait(const Socket& socket, Socket::Need need) {
  const short events = need == Socket::Need::kWrite ? POLLOUT : POLLIN;
  pollfd item{.fd = socket.descriptor(), .events = events, .revents = 0};
  return ::poll(&item, 1, kPatienceMs) == 1;
}

bool read_greeting(Socket& socket) {
  std::string got;
  std::array<char, 4096> buffer;
  while (!got.ends_with("\r\n")) {
    const auto moved = socket.read(buffer);
    if (!moved || (moved->bytes == 0 && !wait(socket, moved->need))) return false;
    got.append(buffer.data(), moved->bytes);
  }
  return true;
}

bool begin_tls(Socket& socket, const TlsTrust& trust, const std::string& name) {
  if (!socket.begin_tls(trust, name)) return false;
  while (true) {
    const auto need = socket.handshake();
    if (!need) return false;
    if (*need == Socket::Need::kNothing) return true;
    if (!wait(socket, *need)) return false;
  }
}

bool say(Socket& socket, std::string_view text) {
  while (!text.empty()) {
    const auto moved = socket.write(text);
    if (!moved || (moved->bytes == 0 && !wait(socket, moved->need))) return false;
    text.remove_prefix(moved->bytes);
  }
  return true;
}

}  // namespace

bool Besiegers::add(How how) {
  auto made = Socket::connect("127.0.0.1", port_, 0);
  if (!made || !wait(**made, Socket::Need::kWrite) || !(*made)->connected()) return false;
  Socket& socket = **made;
  bool done = true;
  switch (how) {
    case How::kSilent:
      break;
    case How::kHalfHandshake:
      // The head of a ClientHello, and a part of it.
      done = read_greeting(socket) &&
             say(socket, std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
      break;
    case How::kGarbage:
      done = say(socket, "GET / HTTP/1.1\r\nHost: broker\r\n\r\n");
      break;
    case How::kSilentAfterTls:
      done = read_greeting(socket) && begin_tls(socket, trust_, server_name_);
      break;
    case How::kEndlessLine:
      done = read_greeting(socket) && begin_tls(socket, trust_, server_name_) &&
             say(socket, "CONNECT {\"name\":\"" + std::string(100'000, 'x'));
      break;
    case How::kWrongIdentity:
      done = read_greeting(socket) && begin_tls(socket, trust_, server_name_) &&
             say(socket,
                 "CONNECT "
                 "{\"verbose\":false,\"tls_required\":true,\"user\":\"root\",\"pass\":\"root\"}\r\nPING\r\n");
      break;
  }
  sockets_.push_back(*std::move(made));
  // Garbage and long lines are cut while they are being said.
  return done || how == How::kGarbage || how == How::kEndlessLine;
}

std::size_t Besiegers::left() {
  std::array<char, 16 * 1024> buffer;
  std::erase_if(sockets_, [&](const auto& socket) {
    while (true) {
      const auto moved = socket->read(buffer);
      if (!moved) return true;
      if (moved->bytes == 0) return false;
    }
  });
  return sockets_.size();
}

}  // namespace qleet::testing
