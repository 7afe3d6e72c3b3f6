#include "hub/api/response_message.h"

#include <utility>

namespace qleet::hub::api {
namespace {

namespace http = boost::beast::http;

template <class Body>
http::response<Body> head_of(const Response& response, unsigned version, bool keep_alive) {
  http::response<Body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::server, "qleet-hub");
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  message.set("X-Content-Type-Options", "nosniff");
  message.set(http::field::cache_control, "no-store");
  message.set(http::field::strict_transport_security, "max-age=31536000");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  return message;
}

}  // namespace

http::response<http::string_body> to_message(Response response, unsigned version, bool keep_alive) {
  auto message = head_of<http::string_body>(response, version, keep_alive);
  message.body() = std::move(response.body);
  if (response.status != 204 && response.status != 304) message.prepare_payload();
  return message;
}

http::response<http::empty_body> to_stream_head(const Response& response) {
  auto message = head_of<http::empty_body>(response, 11, false);
  message.chunked(true);
  return message;
}

}  // namespace qleet::hub::api
