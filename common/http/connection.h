// One connection to one origin, made for a caller that waits: every wait ends by what it waits for, by a
// deadline, or by a stop from another thread.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "common/http/client.h"
#include "common/http/pin.h"
#include "common/http/url.h"
#include "common/net/socket.h"

namespace qleet::http {

using Steady = std::chrono::steady_clock;
using Deadline = std::optional<Steady::time_point>;

inline Deadline deadline_in(Millis time) {
  return time.count() > 0 ? Deadline(Steady::now() + time) : std::nullopt;
}
inline Deadline earlier(const Deadline& a, const Deadline& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// The stop of one exchange, as a descriptor that poll sees.
class Stopper {
 public:
  explicit Stopper(const std::stop_token& token);
  ~Stopper();
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;

  enum class Woke { kReady, kDeadline, kStopped };
  // `events` as of poll. Ready also where the connection broke.
  Woke wait(int descriptor, short events, const Deadline& until) const;

 private:
  struct Signal;
  const std::stop_token token_;
  int descriptor_ = -1;  // -1: it cannot be stopped
  std::unique_ptr<Signal> signal_;
};

class Connection {
 public:
  // Reaches the peer: the unix socket, else the URL's host, by way of the environment's proxy where there is
  // one; then TLS. Errors as of Client::request. Only the name service is waited for without the deadline.
  static Result<std::unique_ptr<Connection>> open(const ClientOptions& options, const Url& url,
                                                  const Stopper& stopper, const Deadline& until);

  Socket& socket() { return *socket_; }
  const std::string& origin() const { return origin_; }
  // With Tls::pinned_ca_sha256: the CA that matched.
  const std::string& ca_pem() const { return pin_.ca_pem; }
  // Kept since the last exchange, and nothing was heard of it since.
  bool quiet() const;

 private:
  Connection() = default;
  Result<> reach(const ClientOptions& options, const Url& url, const Stopper& stopper, const Deadline& until);
  Result<> reach_host(const std::string& host, const std::string& port, const Stopper& stopper,
                      const Deadline& until);
  Result<> ask_proxy(const Url& url, const std::string& authorization, const Stopper& stopper,
                     const Deadline& until);
  Result<> secure(const ClientOptions& options, const Url& url, const Stopper& stopper,
                  const Deadline& until);

  std::string origin_;
  std::shared_ptr<const TlsTrust> trust_;
  Pin pin_;  // outlives the socket
  std::unique_ptr<Socket> socket_;
};

}  // namespace qleet::http
