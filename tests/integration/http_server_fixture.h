// A server with a certificate that clients of a test can verify, and what is read of its answers.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "common/crypto/certificate.h"
#include "hub/api/http_server.h"
#include "tests/support/eventually.h"
#include "tests/support/tls_socket.h"

namespace qleet::hub::api {

using testing::TlsSocket;
using namespace std::chrono_literals;

// Made once: keys cost time.
inline const crypto::CertifiedKey& ca() {
  static const auto made = *crypto::make_ca("test", std::chrono::days(10), SystemClock().wall());
  return made;
}

inline const crypto::CertifiedKey& certificate() {
  static const auto made = *crypto::make_server_certificate(
      ca(), {.dns = {"localhost"}, .ips = {"127.0.0.1"}}, std::chrono::days(5), SystemClock().wall());
  return made;
}

inline HttpOptions options() {
  HttpOptions made;
  made.certificate_pem = certificate().certificate_pem;
  made.key_pem = certificate().private_key_pem;
  made.workers = 2;
  return made;
}

inline Response text(std::string body) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

inline Response echo(const Request& request) {
  return text(request.method + " " + request.path + " " + request.body);
}

template <class Condition>
inline bool eventually(const Condition& condition) {
  return test::eventually(condition, 10s);
}

inline std::unique_ptr<HttpServer> start(HttpOptions with, HttpHandler handler = echo) {
  auto server = HttpServer::start(std::move(with), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  return *std::move(server);
}

inline std::string body_of(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? response : response.substr(end + 4);
}

inline std::string status_of(const std::string& response) {
  return response.substr(0, response.find("\r\n"));
}

}  // namespace qleet::hub::api
