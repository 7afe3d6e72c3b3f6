// A response that goes on, in chunks.
#include <fmt/format.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "hub/api/http_connection.h"
#include "hub/api/on_pool.h"
#include "hub/api/problem.h"
#include "hub/api/response_message.h"

namespace qleet::hub::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using std::chrono::steady_clock;

// A client of a stream has nothing to say; one that talks this much is cut.
constexpr size_t kStreamChatter = size_t{64} * 1024;

}  // namespace

asio::awaitable<void> HttpConnection::write_stream(Response response, unsigned version, bool head) {
  // Also when the frame is destroyed half-way, at shutdown.
  struct Cancel {
    std::shared_ptr<Stream> source;
    ~Cancel() { source->cancel(); }
  };
  const Cancel cancel{std::move(response.stream)};
  struct Count {
    std::atomic<unsigned>& streams;
    unsigned now = ++streams;
    ~Count() { --streams; }
  } count{server_.streams};
  std::optional<Response> instead;
  if (count.now > server_.options.limits.streams)
    instead = unavailable("the hub serves too many streams; try again later");
  else if (version < 11)
    instead = problem(505, "Unsupported", "streams need HTTP/1.1");
  if (instead) {
    co_await write(std::move(*instead), false, version, head);
    co_return;
  }

  auto message = to_stream_head(response);
  http::response_serializer<http::empty_body> serializer(message);
  expires_after(server_.options.limits.write_timeout);
  error_code error;
  co_await http::async_write_header(stream_, serializer, asio::redirect_error(asio::use_awaitable, error));
  if (error || head) co_return;

  co_await write_pieces(cancel.source);
  if (!peer_gone_) {
    expires_after(Millis(1000));
    co_await asio::async_write(stream_, asio::buffer(std::string_view("0\r\n\r\n")),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  close();
}

asio::awaitable<void> HttpConnection::write_pieces(std::shared_ptr<Stream> source) {
  auto wake = std::make_shared<Signal>(executor_);
  stream_wake_ = wake;
  beast::get_lowest_layer(stream_).expires_never();
  co_spawn(executor_, watch_for_close(shared_from_this(), wake), asio::detached);

  source->start([weak = std::weak_ptr(wake), gate = server_.gate] { gate->notify(weak); });
  const Millis heartbeat = server_.options.limits.heartbeat;
  auto next_heartbeat = steady_clock::now() + heartbeat;
  while (!peer_gone_ && !server_.stopping) {
    auto piece = co_await on_pool<Piece>(
        server_.pool, Admission::kAdmitted, executor_, [source] { return source->next(); },
        [] { return Piece{{}, true}; });
    if (!piece) break;
    if (!piece->data.empty()) {
      if (!co_await write_piece(std::move(piece->data))) break;
      next_heartbeat = steady_clock::now() + heartbeat;
    } else if (!piece->end && !piece->more) {
      co_await wake->wait_until(next_heartbeat);
      if (steady_clock::now() >= next_heartbeat) {
        std::string beat = source->heartbeat();
        if (!beat.empty() && !co_await write_piece(std::move(beat))) break;
        next_heartbeat = steady_clock::now() + heartbeat;
      }
    }
    if (piece->end) break;
  }
  stream_wake_ = nullptr;
}

asio::awaitable<bool> HttpConnection::write_piece(std::string data) {
  expires_after(server_.options.limits.write_timeout);
  error_code error;
  const std::string framed = fmt::format("{:x}\r\n", data.size()) + data + "\r\n";
  co_await asio::async_write(stream_, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

// Reading tells when the client goes away.
asio::awaitable<void> HttpConnection::watch_for_close(std::shared_ptr<HttpConnection> self,
                                                      std::shared_ptr<Signal> wake) {
  std::array<char, 1024> sink;
  error_code error;
  for (size_t total = 0; !error && total < kStreamChatter;)
    total += co_await self->stream_.async_read_some(asio::buffer(sink),
                                                    asio::redirect_error(asio::use_awaitable, error));
  self->peer_gone_ = true;
  wake->notify();
}

}  // namespace qleet::hub::api
