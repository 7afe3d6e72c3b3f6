// One client of the server, from its handshake to its end. Asio: for http_server.cc and http_connection*.cc
// alone.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/thread/mutex.h"
#include "hub/api/connection_table.h"
#include "hub/api/coroutine_signal.h"
#include "hub/api/http_server.h"
#include "hub/api/request_head.h"
#include "hub/api/worker_pool.h"

namespace qleet::hub::api {

// What all connections of a server share; outlives them.
struct HttpShared {
  HttpShared(HttpOptions o, HttpHandler h, asio::ssl::context t)
      : options(std::move(o)),
        handler(std::move(h)),
        tls_(std::make_shared<asio::ssl::context>(std::move(t))) {}

  const HttpOptions options;
  const HttpHandler handler;
  WorkerPool pool{options.workers, options.queue};
  const std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> next_request = 0;
  std::atomic<std::uint64_t> refused_connections = 0;
  std::atomic<std::uint64_t> refused_requests = 0;
  std::atomic<unsigned> streams = 0;
  ConnectionTable connections{options.limits.connections, options.limits.connections_per_address};

  // Of new connections; those that are there keep alive what they began with.
  std::shared_ptr<asio::ssl::context> tls() {
    const MutexLock lock(tls_mutex_);
    return tls_;
  }
  void use(asio::ssl::context tls) {
    auto made = std::make_shared<asio::ssl::context>(std::move(tls));
    const MutexLock lock(tls_mutex_);
    tls_ = std::move(made);
  }

 private:
  Mutex tls_mutex_;
  std::shared_ptr<asio::ssl::context> tls_ GUARDED_BY(tls_mutex_);
};

// Everything but the constructor and the destructor runs on its strand.
class HttpConnection final : public ConnectionTable::Member,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpShared& server, asio::ip::tcp::socket socket, Executor executor, std::string address);
  ~HttpConnection();

  // Serves until the client or the server ends it.
  static asio::awaitable<void> run(std::shared_ptr<HttpConnection> self) { co_await self->serve(); }

 private:
  using Tls = boost::beast::ssl_stream<boost::beast::tcp_stream>;

  void make_room() override;
  void stop() override;

  // False, here and below: the connection is over.
  asio::awaitable<void> serve();
  asio::awaitable<bool> serve_one();
  asio::awaitable<bool> await_request();
  asio::awaitable<bool> read(RequestParser& parser);
  asio::awaitable<Response> handle(std::shared_ptr<const Request> request);
  asio::awaitable<bool> write(Response response, bool keep_alive, unsigned version, bool head);
  // Tells why, and ends it. nullopt: there is nobody left to tell.
  asio::awaitable<bool> refuse(std::optional<Response> response);

  // http_connection_stream.cc
  asio::awaitable<void> write_stream(Response response, unsigned version, bool head);
  asio::awaitable<void> write_pieces(std::shared_ptr<Stream> source);
  asio::awaitable<bool> write_piece(std::string data);
  static asio::awaitable<void> watch_for_close(std::shared_ptr<HttpConnection> self,
                                               std::shared_ptr<Signal> wake);

  void expires_after(Millis time) { boost::beast::get_lowest_layer(stream_).expires_after(time); }
  void close() { boost::beast::get_lowest_layer(stream_).close(); }

  HttpShared& server_;
  const Executor executor_;
  const std::shared_ptr<asio::ssl::context> tls_;
  Tls stream_;
  std::optional<ConnectionTable::Refusal> refusal_;
  // What waits to be whole, of a header or between chunks; and room for one read.
  boost::beast::flat_buffer buffer_{server_.options.limits.header_bytes + (64U << 10U)};
  unsigned served_ = 0;
  bool idle_ = true;  // may be closed without harm
  bool peer_gone_ = false;
  std::shared_ptr<Signal> stream_wake_;
};

}  // namespace qleet::hub::api
