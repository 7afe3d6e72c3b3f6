// The NATS client protocol as text: what a client says, and what a server's bytes mean. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::nats {

// What a server tells of itself before anything else.
struct ServerInfo {
  std::string nonce;  // to be signed; empty: it wants no identity
  std::size_t max_payload = 1U << 20U;
  bool tls_required = false;
};

// kInvalid where it is no JSON object.
Result<ServerInfo> parse_info(std::string_view json);

struct ConnectOptions {
  std::string name;
  std::string jwt;        // empty: no identity
  std::string signature;  // of the nonce, as bytes
  bool tls = false;
};
std::string connect_line(const ConnectOptions& options);

// Each appends one whole protocol message. Subjects must have been checked (subject.h).
void append_publish(std::string& out, std::string_view subject, std::string_view reply,
                    std::string_view data);
void append_subscribe(std::string& out, std::string_view subject, std::uint64_t id);
void append_unsubscribe(std::string& out, std::uint64_t id);
inline constexpr std::string_view kPing = "PING\r\n";
inline constexpr std::string_view kPong = "PONG\r\n";

// Views into what was fed: valid within the call.
struct Received {
  enum class What { kInfo, kMessage, kPing, kPong, kError, kOk } what;
  std::string_view text;  // of an info or an error, without quotes
  std::uint64_t subscription = 0;
  std::string_view subject, reply, data;
};

// Cuts a server's bytes into messages, wherever they were cut on the way.
class Parser {
 public:
  // Of one line, and of one message's data; more is refused.
  static constexpr std::size_t kMaxLine = 64 * 1024;
  static constexpr std::size_t kMaxData = 8U << 20U;

  // Calls `receive` for each whole message; what is left waits for the next call. `receive` returning false
  // ends it: nothing more is taken. kInvalid: this is no NATS server, and nothing that follows is taken
  // either.
  Result<> feed(std::string_view bytes, const std::function<bool(const Received&)>& receive);
  std::size_t waiting() const { return rest_.size(); }

 private:
  // The size of the first message in `bytes`, handed to `receive`; 0: not whole yet.
  Result<std::size_t> take(std::string_view bytes, const std::function<bool(const Received&)>& receive,
                           bool& more);

  std::string rest_;
  bool failed_ = false;
};

}  // namespace qleet::nats
