#include "hub/api/http_server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "hub/api/http_connection.h"
#include "hub/api/http_listener.h"

namespace qleet::hub::api {
namespace {

using asio::ip::tcp;

constexpr log::Logger kLog{"api"};

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions options, HttpHandler handler, asio::ssl::context tls, std::unique_ptr<asio::io_context> i,
       tcp::acceptor a)
      : shared(std::move(options), std::move(handler), std::move(tls)),
        io(std::move(i)),
        acceptor(std::move(a)),
        port(acceptor->local_endpoint().port()) {}

  HttpShared shared;
  std::unique_ptr<asio::io_context> io;
  std::optional<tcp::acceptor> acceptor;
  const std::uint16_t port;
  std::vector<std::thread> threads;
  std::once_flag stopped;

  asio::awaitable<void> accept();
  void stop();
};

asio::awaitable<void> HttpServer::Impl::accept() {
  while (!shared.stopping) {
    Executor strand = asio::make_strand(*io);
    tcp::socket socket(strand);
    error_code error;
    co_await acceptor->async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (shared.stopping || error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of file descriptors, mostly: wait for some to be closed rather than spin.
      kLog.warn("cannot accept connection", {{"error", error.message()}});
      asio::steady_timer pause(*io, Millis(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    const auto remote = socket.remote_endpoint(error);
    if (error) continue;
    const auto room = shared.connections.make_room();
    if (room != ConnectionTable::Room::kThere) shared.refused_connections++;
    if (room == ConnectionTable::Room::kNone) continue;
    (void)socket.set_option(tcp::no_delay(true), error);  // slower without, no more
    auto connection =
        std::make_shared<HttpConnection>(shared, std::move(socket), strand, remote.address().to_string());
    co_spawn(strand, HttpConnection::run(std::move(connection)), asio::detached);
  }
}

void HttpServer::Impl::stop() {
  shared.stopping = true;
  asio::post(*io, [this] {
    error_code ignored;
    (void)acceptor->close(ignored);
  });
  shared.connections.stop(shared.options.limits.stop_grace);
  shared.gate->close();
  shared.pool.stop();
  io->stop();
  for (std::thread& thread : threads) thread.join();
  // Frames of connections that were cut are destroyed here, while what they refer to still is.
  acceptor.reset();
  io.reset();
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, HttpHandler handler) {
  auto tls = TRY(make_tls(options.certificate_pem, options.key_pem));
  auto io = std::make_unique<asio::io_context>(static_cast<int>(options.io_threads));
  auto acceptor = TRY(listen_on(*io, options));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), std::move(tls), std::move(io),
                                     std::move(acceptor));
  co_spawn(*impl->io, impl->accept(), asio::detached);
  for (unsigned i = 0; i < impl->shared.options.io_threads; ++i)
    impl->threads.emplace_back([io = impl->io.get()] { io->run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::stop() {
  std::call_once(impl_->stopped, [this] { impl_->stop(); });
}

Result<> HttpServer::use_certificate(const std::string& certificate_pem, const std::string& key_pem) {
  impl_->shared.use(TRY(make_tls(certificate_pem, key_pem)));
  return {};
}

std::uint16_t HttpServer::port() const { return impl_->port; }

HttpCounters HttpServer::counters() const {
  HttpCounters counters;
  counters.connections = impl_->shared.connections.size();
  counters.streams = impl_->shared.streams;
  counters.queued = impl_->shared.pool.waiting();
  counters.refused_connections = impl_->shared.refused_connections;
  counters.refused_requests = impl_->shared.refused_requests;
  return counters;
}

}  // namespace qleet::hub::api
