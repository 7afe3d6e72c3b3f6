// Connections to a nats-server by those who have no business there: that say nothing, begin and do not go on,
// say garbage, or show what is no identity.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/socket.h"

namespace qleet::testing {

class Besiegers {
 public:
  enum class How { kSilent, kHalfHandshake, kGarbage, kSilentAfterTls, kEndlessLine, kWrongIdentity };
  static constexpr std::array kAll = {How::kSilent,         How::kHalfHandshake, How::kGarbage,
                                      How::kSilentAfterTls, How::kEndlessLine,   How::kWrongIdentity};

  // All on one thread. `trust` must outlive it.
  Besiegers(int port, const TlsTrust& trust, std::string server_name)
      : port_(std::to_string(port)), trust_(trust), server_name_(std::move(server_name)) {}

  // False where no connection could be made, or it did not get as far.
  bool add(How how);
  // Those that the server has not ended yet.
  std::size_t left();

 private:
  const std::string port_;
  const TlsTrust& trust_;
  const std::string server_name_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

}  // namespace qleet::testing
