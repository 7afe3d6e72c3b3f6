// An HTTP/1.1 client: TLS with a given or a pinned CA, unix sockets, streams that can be stopped,
// HTTPS_PROXY.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet::http {

// In the order sent or received; names as written, compared without case.
using Headers = std::vector<std::pair<std::string, std::string>>;

// Whom to believe when the URL is https. At most one of the two; neither: the system's CAs.
// The server's name is always checked as well.
struct Tls {
  // One or more certificates; nothing else is trusted.
  std::string ca_pem;
  // SHA-256 (64 hex digits, colons and case ignored) of a CA certificate that the server presents in its own
  // chain: for the first contact, before the CA itself is known. Response::ca_pem then holds that CA.
  std::string pinned_ca_sha256;
};

struct ClientOptions {
  Tls tls;
  // Talk to this socket; the URL's host then only fills the Host header (http://localhost/v1.41/info).
  std::string unix_socket;
  Millis connect_timeout{5'000};
  std::string user_agent = "qleet/" QLEET_VERSION;
};

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  // Instead of `body`: sent from this file, without holding it in memory.
  std::filesystem::path body_file;
  // For the whole exchange, connecting included; zero: no limit (streams).
  Millis timeout{30'000};
  // Nothing received for so long: kDeadline. Whole seconds; zero: no limit.
  Millis idle_timeout{0};
  // A larger body is refused with kTooLarge. Does not count what a stream hands out.
  std::size_t max_response = 64U << 20U;
  // When it is triggered, from any thread, the exchange ends at once with kUnavailable ("stopped").
  std::stop_token stop;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  // With Tls::pinned_ca_sha256: the CA certificate that matched.
  std::string ca_pem;

  bool ok() const { return status >= 200 && status < 300; }
  // The first header of that name; empty if there is none.
  std::string_view header(std::string_view name) const;
};

// Gets the bytes of a 2xx body as they arrive, on the calling thread; false ends the exchange without error.
using OnData = std::function<bool(std::string_view)>;
// Told of status and headers of a 2xx answer before its first byte.
using OnHead = std::function<void(const Response&)>;

// Thread-safe: concurrent calls use connections of their own, which are kept and reused. Redirects are not
// followed. Any status is a success of the exchange; errors say that there was no (complete) answer:
// kUnavailable (no connection, or it broke), kDeadline, kTooLarge, kDenied (certificate not trusted),
// kInvalid (URL). Messages name the peer and what to do, never headers or bodies.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<Response> request(const Request& request);

  // A 2xx body goes to `on_data` and not into the response; the body of any other answer is in the response.
  // The default timeout of 30 s is for requests: set `timeout` (zero for a watch) and `idle_timeout`.
  Result<Response> stream(const Request& request, const OnData& on_data, const OnHead& on_head = {});

  // Shorthands.
  Result<Response> get(std::string url, Headers headers = {});
  Result<Response> post(std::string url, std::string body, Headers headers = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Percent-encodes everything but unreserved characters: for one path segment or one query value.
std::string encode(std::string_view text);

}  // namespace qleet::http
