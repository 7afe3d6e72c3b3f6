// The server's side of TLS and its port, as the options say. Asio: for http_server.cc alone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "common/result/result.h"
#include "hub/api/http_server.h"

namespace qleet::hub::api {

// TLS 1.3, or 1.2 with forward secrecy and authenticated encryption. kInvalid: unusable certificate or key.
Result<boost::asio::ssl::context> make_tls(const std::string& certificate_pem, const std::string& key_pem);

// kInvalid: no address; kUnavailable: it cannot be listened on.
Result<boost::asio::ip::tcp::acceptor> listen_on(boost::asio::io_context& io, const HttpOptions& options);

}  // namespace qleet::hub::api
