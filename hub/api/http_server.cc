#include "hub/api/http_server.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "common/log/log.h"
#include "hub/api/coroutine_signal.h"
#include "hub/api/problem.h"
#include "hub/api/request_head.h"
#include "hub/api/worker_pool.h"

namespace qleet::hub::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Parser = RequestParser;

constexpr log::Logger kLog{"api"};

// How much of what a refused client still sends is read and thrown away, so that it gets to read why.
constexpr size_t kLingerBytes = 8 << 20;
constexpr Millis kLingerTime{2'000};
// A client of a stream has nothing to say; one that talks this much is cut.
constexpr size_t kStreamChatter = 64 * 1024;
// Connections over the limit that are still told so; beyond that they are dropped without a word.
constexpr unsigned kCourtesy = 64;

}  // namespace

struct Connection;

struct HttpServer::Impl {
  HttpOptions options;
  HttpHandler handler;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  std::unique_ptr<asio::io_context> io;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::uint16_t port = 0;
  std::unique_ptr<WorkerPool> pool;
  std::vector<std::thread> threads;
  std::mutex stop_mutex;
  bool stopped = false;

  const std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> next_request = 0;
  std::atomic<std::uint64_t> refused_connections = 0;
  std::atomic<std::uint64_t> refused_requests = 0;
  std::atomic<unsigned> streams = 0;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable connections_changed;
  std::unordered_set<Connection*> connections;
  std::map<std::string, unsigned> per_address;
  unsigned leaving = 0;  // of the connections: asked to make room, not gone yet

  Result<> listen();
  asio::awaitable<void> accept();
  // Closes, of the address with the most connections, the one that has had nothing to answer for longest:
  // whoever holds many does not keep the others out. `mutex` is held.
  void make_room();
  void stop();
};

// One client. Everything but the constructor, the destructor and `ask_to_stop` runs on its strand.
struct Connection : std::enable_shared_from_this<Connection> {
  using Tls = beast::ssl_stream<beast::tcp_stream>;

  Connection(HttpServer::Impl& owner, tcp::socket socket, Executor on, std::string address)
      : server(owner), executor(on), stream(std::move(socket), owner.tls), peer(std::move(address)) {
    const std::lock_guard lock(server.mutex);
    server.connections.insert(this);
    ++server.per_address[peer];
    if (server.connections.size() > server.options.limits.connections + server.leaving)
      refusal = "this hub has too many connections; try again later";
    else if (server.per_address[peer] > server.options.limits.connections_per_address)
      refusal = "too many connections from this address; close some, or try again later";
    refusal_status =
        server.connections.size() > server.options.limits.connections + server.leaving ? 503 : 429;
  }

  ~Connection() {
    const std::lock_guard lock(server.mutex);
    server.connections.erase(this);
    if (evicted) --server.leaving;
    const auto it = server.per_address.find(peer);
    if (--it->second == 0) server.per_address.erase(it);
    server.connections_changed.notify_all();
  }

  // From any thread, while the server's mutex keeps this alive.
  void ask_to_stop() {
    asio::post(executor, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      if (self->idle) self->close();
      if (self->stream_wake) self->stream_wake->notify();
    });
  }

  // From any thread, while the server's mutex keeps this alive.
  void evict() {
    unanswered = false;
    evicted = true;
    ++server.leaving;
    asio::post(executor, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && !self->answering) self->close();
    });
  }

  void close() { beast::get_lowest_layer(stream).close(); }

  static asio::awaitable<void> run(std::shared_ptr<Connection> self) { co_await self->serve(); }
  asio::awaitable<void> serve();
  asio::awaitable<bool> serve_one();  // false: the connection is over
  asio::awaitable<Response> handle(std::shared_ptr<const Request> request);
  asio::awaitable<bool> write(Response response, bool keep_alive, unsigned version, bool head);
  asio::awaitable<bool> refuse(Response response);
  asio::awaitable<bool> write_stream(Response response, unsigned version, bool head);
  asio::awaitable<bool> write_piece(std::string data);
  static asio::awaitable<void> watch_for_close(std::shared_ptr<Connection> self,
                                               std::shared_ptr<Signal> wake);
  void expires_after(Millis time) { beast::get_lowest_layer(stream).expires_after(time); }

  HttpServer::Impl& server;
  Executor executor;
  Tls stream;
  std::string peer;
  std::string refusal;
  int refusal_status = 0;
  // What waits to be whole, of a header or between chunks; and room for one read.
  beast::flat_buffer buffer{server.options.limits.header_bytes + (64U << 10U)};
  unsigned served = 0;
  bool idle = true;  // may be closed without harm
  bool answering = false;
  // No whole request has come since then: the server may close it to make room.
  std::atomic<bool> unanswered = true;
  std::atomic<std::chrono::steady_clock::rep> unanswered_since =
      std::chrono::steady_clock::now().time_since_epoch().count();
  bool peer_gone = false;
  bool evicted = false;  // guarded by the server's mutex
  std::shared_ptr<Signal> stream_wake;
};

namespace {

// Exceptions are bugs; they cost one answer, not the hub.
template <class Make, class Value>
Value guarded(const Make& make, Value otherwise) {
  try {
    return make();
  } catch (const std::exception& e) {
    kLog.error("handler threw", {{"error", e.what()}});
    return otherwise;
  }
}

Response unavailable(std::string_view why) {
  Response response = problem(503, "Unavailable", why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

template <class Message>
void set_head(Message& message, const Response& response, std::string_view request_id) {
  message.set(http::field::server, "qleet-hub");
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  if (!request_id.empty()) message.set("X-Request-Id", std::string(request_id));
  message.set("X-Content-Type-Options", "nosniff");
  if (message.find(http::field::cache_control) == message.end())
    message.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) message.set(name, value);
}

}  // namespace

asio::awaitable<void> Connection::serve() {
  expires_after(server.options.limits.handshake_timeout);
  error_code error;
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  idle = false;
  if (!refusal.empty()) {
    server.refused_connections++;
    Response response = problem(refusal_status, refusal_status == 503 ? "Unavailable" : "Exhausted", refusal);
    response.headers.emplace_back("Retry-After", "5");
    co_await refuse(std::move(response));
    co_return;
  }
  while (co_await serve_one()) {
  }
}

asio::awaitable<bool> Connection::serve_one() {
  const HttpLimits& limits = server.options.limits;
  error_code error;
  if (buffer.size() == 0) {
    idle = true;
    if (server.stopping) co_return false;
    expires_after(limits.idle_timeout);
    const size_t n = co_await stream.async_read_some(buffer.prepare(4096),
                                                     asio::redirect_error(asio::use_awaitable, error));
    idle = false;
    if (error) co_return false;
    buffer.commit(n);
  }

  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  expires_after(limits.header_timeout);
  // The parser's own limit is for what waits, not for what it has taken line by line.
  for (size_t taken = 0; !error && !parser.is_header_done();) {
    taken += co_await http::async_read_some(stream, buffer, parser,
                                            asio::redirect_error(asio::use_awaitable, error));
    if (!error && taken > limits.header_bytes) error = http::error::header_limit;
  }
  if (error) {
    auto response = read_problem(error, limits);
    if (response) co_await refuse(std::move(*response));
    co_return false;
  }
  if (auto response = check_head(parser, limits)) {
    co_await refuse(std::move(*response));
    co_return false;
  }
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    expires_after(limits.write_timeout);
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    co_await http::async_write(stream, go_on, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
  }
  expires_after(limits.body_timeout);
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    auto response = read_problem(error, limits);
    if (response) co_await refuse(std::move(*response));
    co_return false;
  }

  const bool keep_alive =
      parser.keep_alive() && !server.stopping && ++served < limits.requests_per_connection;
  const unsigned version = parser.get().version();
  auto made = to_request(parser, peer, fmt::format("r{:x}", ++server.next_request));
  if (!made) {
    co_await refuse(problem(400, "BadRequest", "the request target is malformed"));
    co_return false;
  }
  const bool head = made->method == "HEAD";
  answering = true;
  unanswered = false;
  auto request = std::make_shared<const Request>(std::move(*made));
  Response response = co_await handle(request);
  response.headers.emplace_back("X-Request-Id", request->id);
  if (response.stream) {
    co_await write_stream(std::move(response), version, head);
    co_return false;
  }
  const bool goes_on = co_await write(std::move(response), keep_alive, version, head);
  answering = false;
  unanswered_since = std::chrono::steady_clock::now().time_since_epoch().count();
  unanswered = true;
  co_return goes_on;
}

asio::awaitable<Response> Connection::handle(std::shared_ptr<const Request> request) {
  auto pending = std::make_shared<Pending<Response>>(executor);
  const bool taken = server.pool->submit([pending, request, &handler = server.handler] {
    pending->fulfil([&] {
      return guarded([&] { return handler(*request); },
                     problem(500, "Internal", "the hub failed to answer; its log says more"));
    });
  });
  if (!taken) {
    server.refused_requests++;
    co_return unavailable("the hub is busy; try again later");
  }
  while (!pending->ready) co_await pending->done->wait_until(kNever);
  co_return std::move(pending->value);
}

asio::awaitable<bool> Connection::write(Response response, bool keep_alive, unsigned version, bool head) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  set_head(message, response, {});
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  if (response.status != 204 && response.status != 304) message.prepare_payload();
  if (head) message.body().clear();
  expires_after(server.options.limits.write_timeout);
  error_code error;
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  if (keep_alive) co_return true;
  expires_after(Millis(1000));
  co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  co_return false;
}

asio::awaitable<bool> Connection::refuse(Response response) {
  server.refused_requests++;
  kLog.info("request refused", {{"peer", peer}, {"status", std::to_string(response.status)}});
  http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
  set_head(message, response, {});
  message.keep_alive(false);
  message.body() = std::move(response.body);
  message.prepare_payload();
  expires_after(server.options.limits.write_timeout);
  error_code error;
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  // Closing while the client still sends would reset the connection, and the answer with it.
  expires_after(kLingerTime);
  co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  // OpenSSL's own complaint is that data came instead of the client's goodbye; anything else is the end.
  if (error.category() != asio::error::get_ssl_category()) co_return false;
  error = {};
  std::array<char, 16 * 1024> sink;
  for (size_t total = 0; !error && total < kLingerBytes;)
    total += co_await beast::get_lowest_layer(stream).async_read_some(
        asio::buffer(sink), asio::redirect_error(asio::use_awaitable, error));
  co_return false;
}

asio::awaitable<bool> Connection::write_piece(std::string data) {
  expires_after(server.options.limits.write_timeout);
  error_code error;
  const std::string framed = fmt::format("{:x}\r\n", data.size()) + data + "\r\n";
  co_await asio::async_write(stream, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

// A stream's client says nothing more; reading tells when it goes away.
asio::awaitable<void> Connection::watch_for_close(std::shared_ptr<Connection> self,
                                                  std::shared_ptr<Signal> wake) {
  std::array<char, 1024> sink;
  error_code error;
  for (size_t total = 0; !error && total < kStreamChatter;)
    total += co_await self->stream.async_read_some(asio::buffer(sink),
                                                   asio::redirect_error(asio::use_awaitable, error));
  self->peer_gone = true;
  wake->notify();
}

asio::awaitable<bool> Connection::write_stream(Response response, unsigned version, bool head) {
  const HttpLimits& limits = server.options.limits;
  // Also when the frame is destroyed half-way, at shutdown.
  struct Cancel {
    std::shared_ptr<Stream> source;
    ~Cancel() { source->cancel(); }
  };
  const std::shared_ptr<Stream> source = std::move(response.stream);
  const Cancel cancel{source};
  struct Count {
    std::atomic<unsigned>& streams;
    unsigned now = ++streams;
    ~Count() { --streams; }
  } count{server.streams};
  if (count.now > limits.streams) {
    co_return co_await write(unavailable("the hub serves too many streams; try again later"), false, version,
                             head);
  }
  if (version < 11) {
    co_return co_await write(problem(505, "Unsupported", "streams need HTTP/1.1"), false, version, head);
  }

  http::response<http::empty_body> message(static_cast<http::status>(response.status), 11);
  set_head(message, response, {});
  message.chunked(true);
  message.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(message);
  expires_after(limits.write_timeout);
  error_code error;
  co_await http::async_write_header(stream, serializer, asio::redirect_error(asio::use_awaitable, error));
  if (error || head) co_return false;

  auto wake = std::make_shared<Signal>(executor);
  stream_wake = wake;
  beast::get_lowest_layer(stream).expires_never();
  co_spawn(executor, watch_for_close(shared_from_this(), wake), asio::detached);

  source->start([weak = std::weak_ptr(wake), gate = server.gate] { gate->notify(weak); });
  auto next_heartbeat = std::chrono::steady_clock::now() + limits.heartbeat;
  while (!peer_gone && !server.stopping) {
    auto pending = std::make_shared<Pending<Piece>>(executor);
    const bool taken = server.pool->submit_admitted([pending, source] {
      pending->fulfil([&] { return guarded([&] { return source->next(); }, Piece{{}, true}); });
    });
    if (!taken) break;
    while (!pending->ready) co_await pending->done->wait_until(kNever);
    Piece piece = std::move(pending->value);
    if (!piece.data.empty()) {
      if (!co_await write_piece(std::move(piece.data))) break;
      next_heartbeat = std::chrono::steady_clock::now() + limits.heartbeat;
    } else if (!piece.end && !piece.more) {
      co_await wake->wait_until(next_heartbeat);
      if (std::chrono::steady_clock::now() >= next_heartbeat) {
        std::string beat = source->heartbeat();
        if (!beat.empty() && !co_await write_piece(std::move(beat))) break;
        next_heartbeat = std::chrono::steady_clock::now() + limits.heartbeat;
      }
    }
    if (piece.end) break;
  }
  stream_wake = nullptr;
  if (!peer_gone) {
    expires_after(Millis(1000));
    co_await asio::async_write(stream, asio::buffer(std::string_view("0\r\n\r\n")),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  close();
  co_return false;
}

Result<> HttpServer::Impl::listen() {
  error_code error;
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                  asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1 | asio::ssl::context::single_dh_use);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls.native_handle(), SSL_OP_NO_RENEGOTIATION);
  tls.use_certificate_chain(asio::buffer(options.certificate_pem), error);
  if (error) return fail(Code::kInvalid, "the TLS certificate cannot be used: " + error.message());
  tls.use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, "the TLS key cannot be used: " + error.message());
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1)
    return fail(Code::kInvalid, "the TLS key does not belong to the certificate");

  const auto address = asio::ip::make_address(options.address, error);
  if (error)
    return fail(Code::kInvalid, fmt::format("listen address \"{}\": not an IP address", options.address));
  const auto failed = [&](std::string_view step) {
    return fail(Code::kUnavailable,
                fmt::format("cannot {} {}:{}: {}", step, options.address, options.port, error.message()));
  };
  io = std::make_unique<asio::io_context>(static_cast<int>(options.io_threads));
  acceptor = std::make_unique<tcp::acceptor>(*io);
  acceptor->open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (error) return failed("open");
  acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  acceptor->bind({address, options.port}, error);
  if (error) return failed("listen on");
  acceptor->listen(1024, error);
  if (error) return failed("listen on");
  port = acceptor->local_endpoint().port();
  return {};
}

void HttpServer::Impl::make_room() {
  Connection* victim = nullptr;
  const auto worse = [&](const Connection& a, const Connection& b) {
    const unsigned of_a = per_address[a.peer];
    const unsigned of_b = per_address[b.peer];
    return of_a != of_b ? of_a > of_b : a.unanswered_since < b.unanswered_since;
  };
  for (Connection* connection : connections)
    if (connection->unanswered && (victim == nullptr || worse(*connection, *victim))) victim = connection;
  if (victim == nullptr) return;
  refused_connections++;
  victim->evict();
}

asio::awaitable<void> HttpServer::Impl::accept() {
  while (!stopping) {
    Executor strand = asio::make_strand(*io);
    tcp::socket socket(strand);
    error_code error;
    co_await acceptor->async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (stopping || error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of file descriptors, mostly: wait for some to be closed rather than spin.
      kLog.warn("cannot accept connection", {{"error", error.message()}});
      asio::steady_timer pause(*io, Millis(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    const auto remote = socket.remote_endpoint(error);
    if (error) continue;
    bool drop = false;
    {
      const std::lock_guard lock(mutex);
      drop = connections.size() >= options.limits.connections + kCourtesy;
      if (!drop && connections.size() >= options.limits.connections) make_room();
    }
    if (drop) {
      refused_connections++;
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    auto connection =
        std::make_shared<Connection>(*this, std::move(socket), strand, remote.address().to_string());
    co_spawn(strand, Connection::run(std::move(connection)), asio::detached);
  }
}

void HttpServer::Impl::stop() {
  const std::lock_guard once(stop_mutex);
  if (stopped) return;
  stopped = true;
  stopping = true;
  if (io && !threads.empty()) {
    asio::post(*io, [this] {
      error_code ignored;
      acceptor->close(ignored);
    });
    std::unique_lock lock(mutex);
    for (Connection* connection : connections) connection->ask_to_stop();
    connections_changed.wait_for(lock, options.limits.stop_grace, [this] { return connections.empty(); });
  }
  gate->close();
  if (pool) pool->stop();
  if (io) io->stop();
  for (std::thread& thread : threads) thread.join();
  // Frames of connections that were cut are destroyed here, while what they refer to still is.
  acceptor.reset();
  io.reset();
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, HttpHandler handler) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->handler = std::move(handler);
  TRY(impl->listen());
  impl->pool = std::make_unique<WorkerPool>(impl->options.workers, impl->options.queue);
  co_spawn(*impl->io, impl->accept(), asio::detached);
  for (unsigned i = 0; i < impl->options.io_threads; ++i)
    impl->threads.emplace_back([io = impl->io.get()] { io->run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::stop() { impl_->stop(); }

std::uint16_t HttpServer::port() const { return impl_->port; }

HttpCounters HttpServer::counters() const {
  HttpCounters counters;
  counters.streams = impl_->streams;
  counters.queued = impl_->pool->waiting();
  counters.refused_connections = impl_->refused_connections;
  counters.refused_requests = impl_->refused_requests;
  const std::lock_guard lock(impl_->mutex);
  counters.connections = static_cast<unsigned>(impl_->connections.size());
  return counters;
}

}  // namespace qleet::hub::api
