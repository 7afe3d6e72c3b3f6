#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "common/http/client.h"
#include "tests/integration/http_server_fixture.h"

namespace qleet::hub::api {
namespace {

TEST(HttpServer, AnswersAVerifyingClient) {
  const auto server = start(options());
  http::Client client({.tls = {.ca_pem = ca().certificate_pem, .pinned_ca_sha256 = {}}});
  const auto url = "https://localhost:" + std::to_string(server->port());
  const auto response = client.post(url + "/v1/x%20y?a=b", "hello");
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "POST /v1/x y hello");
  EXPECT_EQ(response->header("Content-Type"), "text/plain");
  EXPECT_EQ(response->header("Cache-Control"), "no-store");
  EXPECT_FALSE(response->header("X-Request-Id").empty());
}

TEST(HttpServer, TellsClientsToStayWithTls) {
  const auto server = start(options());
  TlsSocket socket(server->port());
  ASSERT_TRUE(socket.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n"));
  const auto all = socket.read_all();
  const std::string field = "Strict-Transport-Security: max-age=31536000\r\n";
  EXPECT_NE(all.find(field), std::string::npos);
  EXPECT_NE(all.find(field), all.rfind(field)) << "on refusals as well";
}

// A client that offers one suite of TLS 1.2.
bool takes_suite(std::uint16_t port, const char* suite) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), suite), 1) << suite;
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_ssl_connect(context.get()), BIO_free_all);
  BIO_set_conn_hostname(bio.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
  return BIO_do_handshake(bio.get()) == 1;
}

TEST(HttpServer, TakesOfTls12OnlySuitesWithForwardSecrecyAndAuthenticatedEncryption) {
  const auto server = start(options());
  for (const char* suite :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"})
    EXPECT_TRUE(takes_suite(server->port(), suite)) << suite;
  for (const char* suite : {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256",
                            "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM"})
    EXPECT_FALSE(takes_suite(server->port(), suite)) << suite;
}

TEST(HttpServer, ServesAnotherCertificateToNewConnectionsWithoutARestart) {
  const auto server = start(options());
  const auto url = "https://localhost:" + std::to_string(server->port());
  http::Client before({.tls = {.ca_pem = ca().certificate_pem, .pinned_ca_sha256 = {}}});
  ASSERT_TRUE(before.get(url + "/x"));
  const auto other_ca = *crypto::make_ca("other", std::chrono::days(10), SystemClock().wall());
  const auto other = *crypto::make_server_certificate(other_ca, {.dns = {"localhost"}, .ips = {}},
                                                      std::chrono::days(5), SystemClock().wall());
  EXPECT_FALSE(server->use_certificate(other.certificate_pem, certificate().private_key_pem));
  EXPECT_FALSE(server->use_certificate("nonsense", "nonsense"));
  ASSERT_TRUE(server->use_certificate(other.certificate_pem, other.private_key_pem));
  EXPECT_TRUE(before.get(url + "/x")) << "on the connection that it has";
  http::Client stale({.tls = {.ca_pem = ca().certificate_pem, .pinned_ca_sha256 = {}}});
  EXPECT_FALSE(stale.get(url + "/x"));
  http::Client fresh({.tls = {.ca_pem = other_ca.certificate_pem, .pinned_ca_sha256 = {}}});
  EXPECT_TRUE(fresh.get(url + "/x"));
}

TEST(HttpServer, AnswersPipelinedRequestsInOrderOnOneConnection) {
  const auto server = start(options());
  TlsSocket socket(server->port());
  std::string many;
  for (int i = 0; i < 20; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(socket.send(many));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(body_of(socket.read_response()), "GET /" + std::to_string(i) + " ");
  EXPECT_FALSE(socket.closed());
}

// Each piece a TLS record of its own: what waits in the parser is never much.
TEST(HttpServer, WhatIsNotABodyIsBoundedHoweverItComes) {
  const auto server = start(options());
  const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  for (const auto& [begin, endless] : std::vector<std::pair<std::string, std::string>>{
           {"GET / HTTP/1.1\r\nHost: h\r\n", line},
           {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x", std::string(1000, 'x')},
           {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", line}}) {
    TlsSocket socket(server->port());
    ASSERT_TRUE(socket.send(begin));
    for (int i = 0; i < 400; ++i) socket.send(endless);
    EXPECT_EQ(status_of(socket.read_all()), "HTTP/1.1 431 Request Header Fields Too Large") << begin;
  }
}

TEST(HttpServer, HeadHasALengthAndNoBody) {
  const auto server = start(options());
  TlsSocket socket(server->port());
  ASSERT_TRUE(socket.send("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  const auto response = socket.read_all();
  EXPECT_NE(response.find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_EQ(body_of(response), "");
}

struct BadInput {
  std::string name;
  std::string sent;
  std::string status;
  std::string detail;
};

void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }

class HttpServerRefuses : public ::testing::TestWithParam<BadInput> {};

TEST_P(HttpServerRefuses, WithAProblemAndCloses) {
  auto with = options();
  with.limits.body_bytes = 1000;
  std::atomic<int> handled = 0;
  const auto server = start(with, [&](const Request& request) {
    ++handled;
    return echo(request);
  });
  TlsSocket socket(server->port());
  socket.send(GetParam().sent);
  const auto response = socket.read_all();
  EXPECT_EQ(status_of(response), GetParam().status);
  EXPECT_NE(body_of(response).find("\"detail\":\"" + GetParam().detail + "\""), std::string::npos)
      << response;
  EXPECT_NE(response.find("Content-Type: application/problem+json"), std::string::npos) << response;
  EXPECT_TRUE(socket.closed());
  EXPECT_EQ(handled, 0);
}

std::string many_fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "a" + std::to_string(i) + ": b\r\n";
  return fields;
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, HttpServerRefuses,
    ::testing::Values(
        BadInput{"DeclaredBodyTooLarge", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\nabc",
                 "HTTP/1.1 413 Payload Too Large", "the request body is larger than 1000 bytes"},
        BadInput{"ChunkedBodyTooLarge",
                 "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                     std::string(1001, 'x') + "\r\n0\r\n\r\n",
                 "HTTP/1.1 413 Payload Too Large", "the request body is larger than 1000 bytes"},
        BadInput{"HeaderTooLarge", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17000, 'x') + "\r\n\r\n",
                 "HTTP/1.1 431 Request Header Fields Too Large",
                 "the request header is larger than 16384 bytes"},
        BadInput{"TooManyFields", "GET / HTTP/1.1\r\nHost: h\r\n" + many_fields(100) + "\r\n",
                 "HTTP/1.1 431 Request Header Fields Too Large",
                 "the request has 101 header fields; at most 100 are taken"},
        BadInput{"NotHttp", "hello there\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "not an HTTP/1.1 request: bad target"},
        BadInput{"NoHost", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "the request needs exactly one Host header"},
        BadInput{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "the request needs exactly one Host header"},
        BadInput{"MalformedTarget", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "the request target is malformed"},
        BadInput{"BadChunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
                 "HTTP/1.1 400 Bad Request", "not an HTTP/1.1 request: bad chunk"},
        BadInput{"BadContentLength", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
                 "HTTP/1.1 400 Bad Request", "not an HTTP/1.1 request: bad Content-Length"}),
    [](const auto& info) { return info.param.name; });

TEST(HttpServer, ABodyWithBothLengthsIsNeverPassedOn) {
  std::atomic<int> handled = 0;
  const auto server = start(options(), [&](const Request& request) {
    ++handled;
    return echo(request);
  });
  TlsSocket socket(server->port());
  socket.send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(status_of(socket.read_all()), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(handled, 0);
}

TEST(HttpServer, ALargeBodyThatIsRefusedDoesNotCostTheAnswer) {
  const auto server = start(options());
  TlsSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  EXPECT_EQ(status_of(socket.read_all()), "HTTP/1.1 413 Payload Too Large");
}

TEST(HttpServer, AHandlerThatThrowsIsAnInternalError) {
  const auto server = start(options(), [](const Request&) -> Response { throw std::logic_error("bug"); });
  TlsSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = socket.read_response();
  EXPECT_EQ(status_of(answer), "HTTP/1.1 500 Internal Server Error");
  EXPECT_EQ(answer.find("bug"), std::string::npos);
}

TEST(HttpServer, StopCutsWhatDoesNotEnd) {
  auto with = options();
  with.limits.stop_grace = 100ms;
  const auto server = start(with);
  TlsSocket half(server->port());
  half.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(eventually([&] { return server->counters().connections == 1; }));
  server->stop();
  half.read_all();
  EXPECT_TRUE(half.closed());
}

TEST(HttpServer, SaysWhatIsWrongWithItsOptions) {
  auto broken = options();
  broken.certificate_pem = "nonsense";
  EXPECT_EQ(HttpServer::start(broken, echo).error().code, Code::kInvalid);
  auto foreign = options();
  foreign.key_pem = ca().private_key_pem;
  EXPECT_EQ(HttpServer::start(foreign, echo).error().code, Code::kInvalid);
  auto address = options();
  address.address = "nowhere";
  EXPECT_EQ(HttpServer::start(address, echo).error().message,
            "listen address \"nowhere\": not an IP address");
  const auto first = start(options());
  auto taken = options();
  taken.port = first->port();
  EXPECT_EQ(HttpServer::start(taken, echo).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace qleet::hub::api
