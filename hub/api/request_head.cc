#include "hub/api/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <cctype>

#include "hub/api/problem.h"

namespace qleet::hub::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

}  // namespace

std::optional<Response> read_problem(const beast::error_code& error, const HttpLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "HeaderTooLarge",
                   fmt::format("the request header is larger than {} bytes", limits.header_bytes));
  if (error == http::error::body_limit)
    return problem(413, "TooLarge",
                   fmt::format("the request body is larger than {} bytes", limits.body_bytes));
  if (error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message)
    return problem(400, "BadRequest", "not an HTTP/1.1 request: " + error.message());
  return std::nullopt;
}

std::optional<Response> check_head(const RequestParser& parser, const HttpLimits& limits) {
  const auto& message = parser.get();
  size_t fields = 0, hosts = 0;
  for (const auto& field : message) {
    ++fields;
    if (field.name() == http::field::host) ++hosts;
  }
  if (fields > limits.header_fields)
    return problem(
        431, "HeaderTooLarge",
        fmt::format("the request has {} header fields; at most {} are taken", fields, limits.header_fields));
  if (message.version() >= 11 && hosts != 1)
    return problem(400, "BadRequest", "the request needs exactly one Host header");
  // Both lengths at once is how requests are smuggled past proxies.
  if (message.chunked() && message.has_content_length())
    return problem(400, "BadRequest", "the request has both Transfer-Encoding and Content-Length");
  return std::nullopt;
}

std::optional<Request> to_request(RequestParser& parser, std::string peer, std::string id) {
  auto message = parser.release();
  Request request;
  request.method = std::string(message.method_string());
  if (!parse_target({message.target().data(), message.target().size()}, request)) return std::nullopt;
  for (const auto& field : message) {
    std::string& value = request.headers[lower({field.name_string().data(), field.name_string().size()})];
    if (!value.empty()) value += ", ";
    value.append(field.value().data(), field.value().size());
  }
  request.body = std::move(message.body());
  request.peer = std::move(peer);
  request.id = std::move(id);
  return request;
}

}  // namespace qleet::hub::api
