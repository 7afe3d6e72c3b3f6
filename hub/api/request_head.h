// From what Beast has parsed to a Request, and what is wrong with it. For http_connection.cc alone.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "hub/api/http_server.h"

namespace qleet::hub::api {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// What is wrong with a message that could not be read; nullopt when there is nobody left to tell.
std::optional<Response> read_problem(const boost::beast::error_code& error, const HttpLimits& limits);

// What is wrong with a whole head; nullopt: nothing.
std::optional<Response> check_head(const RequestParser& parser, const HttpLimits& limits);

// nullopt: the target is malformed.
std::optional<Request> to_request(RequestParser& parser, std::string peer, std::string id);

}  // namespace qleet::hub::api
