#include "hub/api/http_connection.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "common/log/log.h"
#include "hub/api/on_pool.h"
#include "hub/api/problem.h"
#include "hub/api/response_message.h"

namespace qleet::hub::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr log::Logger kLog{"api"};

// How much of what a refused client still sends is read and thrown away, so that it gets to read why.
constexpr size_t kLingerBytes = 8 << 20;
constexpr Millis kLingerTime{2'000};

}  // namespace

HttpConnection::HttpConnection(HttpShared& server, asio::ip::tcp::socket socket, Executor executor,
                               std::string address)
    : Member(std::move(address)),
      server_(server),
      executor_(std::move(executor)),
      tls_(server.tls()),
      stream_(std::move(socket), *tls_) {
  refusal_ = server_.connections.join(*this);
}

HttpConnection::~HttpConnection() { server_.connections.leave(*this); }

void HttpConnection::make_room() {
  asio::post(executor_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    if (self->answering())
      self->server_.connections.stay(*self);
    else
      self->close();
  });
}

void HttpConnection::stop() {
  asio::post(executor_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    if (self->idle_) self->close();
    if (self->stream_wake_) self->stream_wake_->notify();
  });
}

asio::awaitable<void> HttpConnection::serve() {
  expires_after(server_.options.limits.handshake_timeout);
  error_code error;
  co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                   asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  idle_ = false;
  if (refusal_) {
    server_.refused_connections++;
    Response response =
        problem(refusal_->status, refusal_->status == 503 ? "Unavailable" : "Exhausted", refusal_->why);
    response.headers.emplace_back("Retry-After", "5");
    co_await refuse(std::move(response));
    co_return;
  }
  while (co_await serve_one()) {
  }
}

asio::awaitable<bool> HttpConnection::serve_one() {
  if (!co_await await_request()) co_return false;
  RequestParser parser;
  if (!co_await read(parser)) co_return false;

  const bool keep_alive =
      parser.keep_alive() && !server_.stopping && ++served_ < server_.options.limits.requests_per_connection;
  const unsigned version = parser.get().version();
  auto made = to_request(parser, address(), fmt::format("r{:x}", ++server_.next_request));
  if (!made) co_return co_await refuse(problem(400, "BadRequest", "the request target is malformed"));
  const bool head = made->method == "HEAD";
  begin_answer();
  auto request = std::make_shared<const Request>(std::move(*made));
  Response response = co_await handle(request);
  response.headers.emplace_back("X-Request-Id", request->id);
  if (response.stream) {
    co_await write_stream(std::move(response), version, head);
    co_return false;
  }
  const bool goes_on = co_await write(std::move(response), keep_alive, version, head);
  end_answer();
  co_return goes_on;
}

asio::awaitable<bool> HttpConnection::await_request() {
  if (buffer_.size() != 0) co_return true;
  idle_ = true;
  if (server_.stopping) co_return false;
  expires_after(server_.options.limits.idle_timeout);
  error_code error;
  const size_t n = co_await stream_.async_read_some(buffer_.prepare(4096),
                                                    asio::redirect_error(asio::use_awaitable, error));
  idle_ = false;
  if (error) co_return false;
  buffer_.commit(n);
  co_return true;
}

asio::awaitable<bool> HttpConnection::read(RequestParser& parser) {
  const HttpLimits& limits = server_.options.limits;
  error_code error;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  expires_after(limits.header_timeout);
  // The parser's own limit is for what waits, not for what it has taken line by line.
  for (size_t taken = 0; !error && !parser.is_header_done();) {
    taken += co_await http::async_read_some(stream_, buffer_, parser,
                                            asio::redirect_error(asio::use_awaitable, error));
    if (!error && taken > limits.header_bytes) error = http::error::header_limit;
  }
  if (error) co_return co_await refuse(read_problem(error, limits));
  if (auto response = check_head(parser, limits)) co_return co_await refuse(std::move(response));
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    expires_after(limits.write_timeout);
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    co_await http::async_write(stream_, go_on, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
  }
  expires_after(limits.body_timeout);
  co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return co_await refuse(read_problem(error, limits));
  co_return true;
}

asio::awaitable<Response> HttpConnection::handle(std::shared_ptr<const Request> request) {
  auto response = co_await on_pool<Response>(
      server_.pool, Admission::kNewcomer, executor_,
      [request, &handler = server_.handler] { return handler(*request); },
      [] { return problem(500, "Internal", "the hub failed to answer; its log says more"); });
  if (response) co_return std::move(*response);
  server_.refused_requests++;
  co_return unavailable("the hub is busy; try again later");
}

asio::awaitable<bool> HttpConnection::write(Response response, bool keep_alive, unsigned version, bool head) {
  auto message = to_message(std::move(response), version, keep_alive);
  if (head) message.body().clear();
  expires_after(server_.options.limits.write_timeout);
  error_code error;
  co_await http::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  if (keep_alive) co_return true;
  expires_after(Millis(1000));
  co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  co_return false;
}

asio::awaitable<bool> HttpConnection::refuse(std::optional<Response> response) {
  if (!response) co_return false;
  server_.refused_requests++;
  kLog.info("request refused", {{"peer", address()}, {"status", std::to_string(response->status)}});
  const auto message = to_message(std::move(*response), 11, false);
  expires_after(server_.options.limits.write_timeout);
  error_code error;
  co_await http::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  // Closing while the client still sends would reset the connection, and the answer with it.
  expires_after(kLingerTime);
  co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  // OpenSSL's own complaint is that data came instead of the client's goodbye; anything else is the end.
  if (error.category() != asio::error::get_ssl_category()) co_return false;
  error = {};
  std::array<char, size_t{16} * 1024> sink;
  for (size_t total = 0; !error && total < kLingerBytes;)
    total += co_await beast::get_lowest_layer(stream_).async_read_some(
        asio::buffer(sink), asio::redirect_error(asio::use_awaitable, error));
  co_return false;
}

}  // namespace qleet::hub::api
