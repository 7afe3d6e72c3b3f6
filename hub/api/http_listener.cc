#include "hub/api/http_listener.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <string_view>

namespace qleet::hub::api {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Of TLS 1.2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

}  // namespace

Result<asio::ssl::context> make_tls(const std::string& certificate_pem, const std::string& key_pem) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                  asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1 | asio::ssl::context::single_dh_use);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls.native_handle(), SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_set_cipher_list(tls.native_handle(), kCiphers) != 1)
    return fail(Code::kInternal, "TLS: no usable cipher suites");
  // Here and below, what fails says so in `error` as well.
  error_code error;
  (void)tls.use_certificate_chain(asio::buffer(certificate_pem), error);
  if (error) return fail(Code::kInvalid, "the TLS certificate cannot be used: " + error.message());
  (void)tls.use_private_key(asio::buffer(key_pem), asio::ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, "the TLS key cannot be used: " + error.message());
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1)
    return fail(Code::kInvalid, "the TLS key does not belong to the certificate");
  return tls;
}

Result<tcp::acceptor> listen_on(asio::io_context& io, const HttpOptions& options) {
  error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error)
    return fail(Code::kInvalid, fmt::format("listen address \"{}\": not an IP address", options.address));
  const auto failed = [&](std::string_view step) {
    return fail(Code::kUnavailable,
                fmt::format("cannot {} {}:{}: {}", step, options.address, options.port, error.message()));
  };
  tcp::acceptor acceptor(io);
  (void)acceptor.open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (error) return failed("open");
  (void)acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  (void)acceptor.bind({address, options.port}, error);
  if (error) return failed("listen on");
  (void)acceptor.listen(1024, error);
  if (error) return failed("listen on");
  return acceptor;
}

}  // namespace qleet::hub::api
