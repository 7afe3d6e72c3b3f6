// HTTP/1.1 over TLS: the only place that knows sockets. Connections live as coroutines on a few io threads;
// handlers run on a bounded pool and may block; streams hold a pool thread only while a piece is being made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

struct HttpLimits {
  size_t header_bytes = size_t{16} * 1024;
  size_t header_fields = 100;
  size_t body_bytes = 1 << 20;
  // Over it, the connection that waits longest without a whole request makes room (of the address that has
  // most); where all are being answered, a newcomer is refused.
  unsigned connections = 2000;
  unsigned connections_per_address = 256;
  unsigned streams = 500;
  unsigned requests_per_connection = 10'000;
  Millis handshake_timeout{10'000};
  Millis header_timeout{10'000};  // from the first byte of a request to the end of its header
  Millis body_timeout{30'000};    // whole body
  Millis write_timeout{30'000};   // whole response, or one piece of a stream
  Millis idle_timeout{75'000};    // between requests
  Millis heartbeat{15'000};       // between heartbeats of a silent stream
  Millis stop_grace{5'000};       // for requests that are being answered when the server stops
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;       // 0: any free one
  std::string certificate_pem;  // server certificate, then its chain
  std::string key_pem;
  unsigned io_threads = 2;
  unsigned workers = 8;
  size_t queue = 512;  // requests that wait for a worker; more are answered 503
  HttpLimits limits;
};

struct HttpCounters {
  unsigned connections = 0;
  unsigned streams = 0;
  size_t queued = 0;
  std::uint64_t refused_connections = 0;  // over a limit, since start
  std::uint64_t refused_requests = 0;  // malformed or over a limit before any handler saw them, since start
};

// Must not throw; called on pool threads, many at once.
using HttpHandler = std::function<Response(const Request&)>;

class HttpServer {
 public:
  struct Impl;

  // kInvalid: unusable certificate or key; kUnavailable: the address cannot be listened on. Listens and
  // serves on return.
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, HttpHandler handler);
  // stop()
  ~HttpServer();

  // Takes no new connection, ends streams and idle connections, lets requests in progress finish within
  // stop_grace, cuts the rest. Returns when no handler runs any more. Not to be called from a handler.
  void stop();
  // For connections that come from now on. kInvalid, as of start(): then nothing has changed. Thread-safe.
  Result<> use_certificate(const std::string& certificate_pem, const std::string& key_pem);
  std::uint16_t port() const;
  HttpCounters counters() const;

 private:
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace qleet::hub::api
