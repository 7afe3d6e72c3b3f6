// From a Response to what Beast writes. For http_connection*.cc alone.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "hub/api/message.h"

namespace qleet::hub::api {

// With its length, where such an answer has a body at all.
boost::beast::http::response<boost::beast::http::string_body> to_message(Response response, unsigned version,
                                                                         bool keep_alive);

// The head of a stream; chunks follow, and then the connection ends.
boost::beast::http::response<boost::beast::http::empty_body> to_stream_head(const Response& response);

}  // namespace qleet::hub::api
