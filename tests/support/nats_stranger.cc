#include "tests/support/nats_stranger.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cstdint>

#include "common/crypto/encoding.h"

namespace qleet::testing {
namespace {

constexpr int kPatienceMs = 10'000;

std::string with_checksum(std::string data) {
  std::uint16_t crc = 0;
  for (const unsigned char c : data) {
    crc = static_cast<std::uint16_t>(crc ^ (c << 8U));
    for (int i = 0; i < 8; ++i)
      crc = static_cast<std::uint16_t>((crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U);
  }
  data += static_cast<char>(crc & 0xffU);
  data += static_cast<char>(crc >> 8U);
  return data;
}

}  // namespace

std::string token_with_a_truncated_issuer() {
  constexpr char kAccount = 0;
  constexpr char kUser = static_cast<char>(20U << 3U);
  const auto key = [](char kind, std::size_t size) {
    return crypto::base32(with_checksum(kind + std::string(size, 'x')));
  };
  const std::string head = crypto::base64url(R"({"typ":"JWT","alg":"ed25519-nkey"})");
  const std::string claims = crypto::base64url(fmt::format(
      R"({{"jti":"x","iat":1700000000,"iss":"{}","sub":"{}","name":"x","nats":{{"type":"user","version":2}}}})",
      key(kAccount, 4), key(kUser, 32)));
  return head + "." + claims + "." + crypto::base64url(std::string(64, 's'));
}

NatsStranger::NatsStranger(int port, const std::string& ca_pem, const std::string& server_name,
                           const TlsClient& client) {
  begin(port, ca_pem, server_name, client);
}

bool NatsStranger::wait(Socket::Need need) const {
  const short events = need == Socket::Need::kWrite ? POLLOUT : POLLIN;
  pollfd item{.fd = socket_->descriptor(), .events = events, .revents = 0};
  return ::poll(&item, 1, kPatienceMs) == 1;
}

bool NatsStranger::fail_with(std::string why) {
  error_ = std::move(why);
  return false;
}

bool NatsStranger::begin(int port, const std::string& ca_pem, const std::string& server_name,
                         const TlsClient& client) {
  auto trust = TlsTrust::make(ca_pem, client);
  if (!trust) return fail_with(trust.error().message);
  trust_ = *trust;
  auto made = Socket::connect("127.0.0.1", std::to_string(port), 0);
  if (!made) return fail_with(made.error().message);
  socket_ = *std::move(made);
  if (!wait(Socket::Need::kWrite) || !socket_->connected()) return fail_with("not connected");
  std::array<char, 4096> buffer;
  for (std::string got; !got.ends_with("\r\n");) {
    const auto moved = socket_->read(buffer);
    if (!moved || (moved->bytes == 0 && !wait(moved->need))) return fail_with("no greeting");
    got.append(buffer.data(), moved->bytes);
  }
  if (const auto begun = socket_->begin_tls(*trust_, server_name); !begun)
    return fail_with(begun.error().message);
  while (true) {
    const auto need = socket_->handshake();
    if (!need) return fail_with(need.error().message);
    if (*need == Socket::Need::kNothing) return true;
    if (!wait(*need)) return fail_with("the handshake does not go on");
  }
}

std::string NatsStranger::say_hello_with(const std::string& user_jwt) {
  if (!error_.empty()) return {};
  const std::string hello = fmt::format(
      "CONNECT {{\"verbose\":false,\"tls_required\":true,\"name\":\"x\",\"lang\":\"x\",\"version\":\"1\","
      "\"jwt\":\"{}\",\"sig\":\"{}\"}}\r\nPING\r\n",
      user_jwt, crypto::base64url(std::string(64, 's')));
  for (std::string_view rest = hello; !rest.empty();) {
    const auto moved = socket_->write(rest);
    if (!moved) break;  // what it says of it is still read
    if (moved->bytes == 0 && !wait(moved->need)) break;
    rest.remove_prefix(moved->bytes);
  }
  std::string heard;
  std::array<char, 4096> buffer;
  while (heard.find("PONG") == std::string::npos) {
    const auto moved = socket_->read(buffer);
    if (!moved) {
      fail_with(moved.error().message);
      break;
    }
    if (moved->bytes == 0 && !wait(moved->need)) break;
    heard.append(buffer.data(), moved->bytes);
  }
  return heard;
}

}  // namespace qleet::testing
