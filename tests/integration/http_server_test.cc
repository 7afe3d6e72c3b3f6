#include "hub/api/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/crypto/certificate.h"
#include "common/http/client.h"
#include "tests/support/patience.h"
#include "tests/support/tls_socket.h"

namespace qleet::hub::api {
namespace {

using testing::TlsSocket;
using namespace std::chrono_literals;

// Made once: keys cost time.
const crypto::CertifiedKey& ca() {
  static const auto made = *crypto::make_ca("test", std::chrono::days(10), SystemClock().wall());
  return made;
}

const crypto::CertifiedKey& certificate() {
  static const auto made = *crypto::make_server_certificate(
      ca(), {.dns = {"localhost"}, .ips = {"127.0.0.1"}}, std::chrono::days(5), SystemClock().wall());
  return made;
}

HttpOptions options() {
  HttpOptions made;
  made.certificate_pem = certificate().certificate_pem;
  made.key_pem = certificate().private_key_pem;
  made.workers = 2;
  return made;
}

Response text(std::string body) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

Response echo(const Request& request) {
  return text(request.method + " " + request.path + " " + request.body);
}

template <class Condition>
bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + test::patient(10s);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::unique_ptr<HttpServer> start(HttpOptions with, HttpHandler handler = echo) {
  auto server = HttpServer::start(std::move(with), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  return *std::move(server);
}

std::string body_of(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? response : response.substr(end + 4);
}

std::string status_of(const std::string& response) { return response.substr(0, response.find("\r\n")); }

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

TEST(HttpServer, CutsWhoSendsAHeaderTooSlowly) {
  auto with = options();
  with.limits.header_timeout = 300ms;
  const auto server = start(with);
  TlsSocket socket(server->port());
  const auto begin = std::chrono::steady_clock::now();
  // Each byte comes well within any read timeout; it is the whole header that has a deadline.
  for (int i = 0; i < 100 && socket.send("G"); ++i) {
    socket.read_until("never", 20ms);
    if (socket.closed()) break;
  }
  EXPECT_TRUE(socket.closed());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, test::patient(5s));
}

TEST(HttpServer, CutsWhoSendsABodyTooSlowlyAndWhoIsIdle) {
  auto with = options();
  with.limits.body_timeout = 200ms;
  with.limits.idle_timeout = 200ms;
  const auto server = start(with);
  TlsSocket slow(server->port());
  slow.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  slow.read_all();
  EXPECT_TRUE(slow.closed());
  TlsSocket idle(server->port());
  idle.read_all();
  EXPECT_TRUE(idle.closed());
}

TEST(HttpServer, LimitsConnectionsPerAddressAndInTotal) {
  auto with = options();
  with.limits.connections_per_address = 2;
  const auto server = start(with);
  TlsSocket first(server->port());
  TlsSocket second(server->port());
  TlsSocket third(server->port());
  const auto refused = third.read_all();
  EXPECT_EQ(status_of(refused), "HTTP/1.1 429 Too Many Requests");
  EXPECT_NE(refused.find("too many connections from this address"), std::string::npos);
  EXPECT_NE(refused.find("Retry-After: 5"), std::string::npos);
  first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(first.read_response()), "GET / ");

  auto total = options();
  total.limits.connections = 1;
  std::promise<void> go_on;
  std::atomic<bool> busy = false;
  const auto small = start(total, [&, done = go_on.get_future().share()](const Request& request) {
    busy = true;
    done.wait();
    return echo(request);
  });
  TlsSocket one(small->port());
  one.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return busy.load(); }));
  TlsSocket two(small->port());
  EXPECT_EQ(status_of(two.read_all()), "HTTP/1.1 503 Service Unavailable")
      << "the other one is being answered";
  EXPECT_EQ(small->counters().refused_connections, 1U);
  go_on.set_value();
  EXPECT_EQ(body_of(one.read_response()), "GET / ");
}

// Plain TCP connections that never say a word.
class Silent {
 public:
  Silent(std::uint16_t port, const char* from) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &address.sin_addr);
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(port);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  Silent(Silent&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  Silent(const Silent&) = delete;
  Silent& operator=(Silent&&) = delete;
  Silent& operator=(const Silent&) = delete;
  ~Silent() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool connected() const { return connected_; }

 private:
  int fd_ = -1;
  bool connected_ = false;
};

bool served(std::uint16_t port) {
  try {
    TlsSocket client(port);
    client.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    return body_of(client.read_response()) == "GET /2 ";
  } catch (const std::exception&) {
    return false;
  }
}

TEST(HttpServer, WhoeverHoldsManyConnectionsKeepsNobodyOut) {
  auto with = options();
  with.limits.connections = 40;
  with.limits.connections_per_address = 30;
  const auto server = start(with);
  TlsSocket good(server->port());
  good.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(good.read_response()), "GET /1 ");
  // From several addresses, each below its own limit, together far above the limit of all.
  std::vector<Silent> silent;
  for (const char* from : {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"})
    for (int i = 0; i < 25; ++i) silent.emplace_back(server->port(), from);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(eventually([&] { return served(server->port()); }));
  }
  EXPECT_LE(server->counters().connections, 40U + 64U);
  good.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(good.read_response()), "GET /3 ") << "an address with few connections loses none";
}

TEST(HttpServer, FiveThousandSilentConnectionsEndByThemselves) {
  auto with = options();
  with.limits.handshake_timeout = 2'000ms;
  const auto server = start(with);
  std::vector<Silent> silent;
  for (int i = 0; i < 5'000; ++i) {
    silent.emplace_back(server->port(), ("127.0.1." + std::to_string(1 + i % 100)).c_str());
    if (i % 500 != 499) continue;
    const auto began = std::chrono::steady_clock::now();
    // In the rush a newcomer may be dropped; clients try again.
    EXPECT_TRUE(eventually([&] { return served(server->port()); })) << "after " << i;
    EXPECT_LT(std::chrono::steady_clock::now() - began, test::patient(5s));
  }
  EXPECT_LE(server->counters().connections, 2'100U);
  EXPECT_TRUE(eventually([&] { return server->counters().connections <= 1U; }));
}

TEST(HttpServer, AFullQueueIsSaidRatherThanWaitedFor) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::atomic<int> inside = 0;
  auto with = options();
  with.workers = 1;
  with.queue = 1;
  const auto server = start(with, [&](const Request& request) {
    ++inside;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open; });
    return echo(request);
  });
  TlsSocket working(server->port());
  working.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return inside == 1; }));
  TlsSocket queued(server->port());
  queued.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server->counters().queued == 1; }));
  TlsSocket refused(server->port());
  refused.send("GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = refused.read_response();
  EXPECT_EQ(status_of(answer), "HTTP/1.1 503 Service Unavailable");
  EXPECT_NE(answer.find("the hub is busy; try again later"), std::string::npos);
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  EXPECT_EQ(body_of(working.read_response()), "GET /a ");
  EXPECT_EQ(body_of(queued.read_response()), "GET /b ");
}

TEST(HttpServer, AHandlerThatThrowsIsAnInternalError) {
  const auto server = start(options(), [](const Request&) -> Response { throw std::logic_error("bug"); });
  TlsSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = socket.read_response();
  EXPECT_EQ(status_of(answer), "HTTP/1.1 500 Internal Server Error");
  EXPECT_EQ(answer.find("bug"), std::string::npos);
}

// Gives what a test puts in.
class TestStream final : public Stream {
 public:
  void put(std::string data, bool end = false) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      data_ += data;
      end_ = end;
      wake = wake_;
    }
    if (wake) wake();
  }
  void start(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  Piece next() override {
    const std::lock_guard lock(mutex_);
    ++asked;
    return {std::exchange(data_, {}), end_};
  }
  void cancel() override { ++cancelled; }
  std::string heartbeat() override { return ": beat\n\n"; }

  std::atomic<int> asked = 0;
  std::atomic<int> cancelled = 0;

 private:
  std::mutex mutex_;
  std::string data_;
  bool end_ = false;
  std::function<void()> wake_;
};

HttpHandler streaming(const std::shared_ptr<TestStream>& stream) {
  return [stream](const Request&) {
    Response response;
    response.content_type = "text/event-stream";
    response.stream = stream;
    return response;
  };
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpServer, StreamsPiecesAsTheyCome) {
  auto stream = std::make_shared<TestStream>();
  const auto server = start(options(), streaming(stream));
  TlsSocket socket(server->port());
  socket.send(kGet);
  EXPECT_NE(socket.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  ASSERT_TRUE(eventually([&] { return stream->asked >= 1; }));
  stream->put("one\n");
  EXPECT_EQ(socket.read_until("one\n\r\n"), "4\r\none\n\r\n");
  stream->put("two\n");
  EXPECT_EQ(socket.read_until("two\n\r\n"), "4\r\ntwo\n\r\n");
  stream->put("three\n", true);
  EXPECT_EQ(socket.read_all(), "6\r\nthree\n\r\n0\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return stream->cancelled == 1; }));
}

TEST(HttpServer, SilentStreamsBeatAndHoldNoThread) {
  auto with = options();
  with.workers = 1;
  with.limits.heartbeat = 50ms;
  std::vector<std::shared_ptr<TestStream>> streams;
  std::mutex mutex;
  const auto server = start(with, [&](const Request& request) {
    if (request.path == "/echo") return echo(request);
    const std::lock_guard lock(mutex);
    streams.push_back(std::make_shared<TestStream>());
    return streaming(streams.back())(request);
  });
  std::vector<std::unique_ptr<TlsSocket>> sockets;
  for (int i = 0; i < 10; ++i) {
    sockets.push_back(std::make_unique<TlsSocket>(server->port()));
    sockets.back()->send(kGet);
    EXPECT_FALSE(sockets.back()->read_until(": beat").empty());
  }
  EXPECT_EQ(server->counters().streams, 10U);
  TlsSocket other(server->port());
  other.send("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(other.read_response()), "GET /echo ");
}

TEST(HttpServer, AStreamEndsWhenItsClientLeaves) {
  auto stream = std::make_shared<TestStream>();
  const auto server = start(options(), streaming(stream));
  {
    TlsSocket socket(server->port());
    socket.send(kGet);
    socket.read_until("\r\n\r\n");
  }
  EXPECT_TRUE(eventually([&] { return stream->cancelled == 1; }));
  EXPECT_TRUE(eventually([&] { return server->counters().streams == 0; }));
}

TEST(HttpServer, AClientThatStopsReadingIsCut) {
  auto with = options();
  with.limits.write_timeout = 300ms;
  auto stream = std::make_shared<TestStream>();
  const auto server = start(with, streaming(stream));
  TlsSocket socket(server->port());
  socket.send(kGet);
  ASSERT_TRUE(eventually([&] { return stream->asked >= 1; }));
  stream->put(std::string(32 << 20, 'x'));  // more than any socket buffer
  EXPECT_TRUE(eventually([&] { return stream->cancelled == 1; }));
}

TEST(HttpServer, LimitsStreams) {
  auto with = options();
  with.limits.streams = 1;
  const auto server =
      start(with, [](const Request& r) { return streaming(std::make_shared<TestStream>())(r); });
  TlsSocket first(server->port());
  first.send(kGet);
  EXPECT_FALSE(first.read_until("\r\n\r\n").empty());
  TlsSocket second(server->port());
  second.send(kGet);
  EXPECT_NE(second.read_all().find("the hub serves too many streams"), std::string::npos);
}

TEST(HttpServer, StopLetsARequestFinishAndEndsStreams) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::atomic<int> inside = 0;
  auto stream = std::make_shared<TestStream>();
  const auto server = start(options(), [&](const Request& request) {
    if (request.path == "/stream") return streaming(stream)(request);
    ++inside;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open; });
    return echo(request);
  });
  TlsSocket busy(server->port());
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  TlsSocket streamed(server->port());
  streamed.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  streamed.read_until("\r\n\r\n");
  TlsSocket idle(server->port());
  ASSERT_TRUE(eventually([&] { return inside == 1 && stream->asked >= 1; }));
  std::thread stopper([&] { server->stop(); });
  idle.read_all();
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(streamed.read_all(), "0\r\n\r\n");
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  EXPECT_EQ(body_of(busy.read_response()), "GET /slow ");
  stopper.join();
  EXPECT_EQ(server->counters().connections, 0U);
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
