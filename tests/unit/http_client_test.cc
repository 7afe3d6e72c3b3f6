#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/http/client.h"
#include "common/http/problem.h"
#include "tests/support/http_server.h"
#include "tests/support/patience.h"

namespace qleet::http {
namespace {

using qleet::testing::HttpRequest;
using qleet::testing::HttpServer;
using qleet::testing::HttpWrite;
using qleet::testing::simple;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Says back what it was sent.
bool echo(const HttpRequest& request, const HttpWrite& write) {
  const auto type = request.headers.contains("content-type") ? request.headers.at("content-type") : "none";
  return write(simple(200, request.method + " " + request.target + " " + request.body + " [" + type + "]",
                      "X-Answer: yes\r\n"));
}

TEST(HttpClient, MethodsHeadersAndBodies) {
  HttpServer server(echo);
  Client client;
  auto got = client.get(server.url("/a?b=c"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "GET /a?b=c  [none]");
  EXPECT_EQ(got->header("x-answer"), "yes");
  EXPECT_EQ(got->header("absent"), "");

  EXPECT_EQ(client.post(server.url("/p"), "hello", {{"Content-Type", "text/plain"}})->body,
            "POST /p hello [text/plain]");
  EXPECT_EQ(client.post(server.url("/p"), "")->body, "POST /p  [none]");
  EXPECT_EQ(client.request({.method = "DELETE", .url = server.url("/d")})->body, "DELETE /d  [none]");
  EXPECT_EQ(client.request({.method = "PATCH", .url = server.url("/d"), .body = "x"})->body,
            "PATCH /d x [none]");
  EXPECT_EQ(client.request({.method = "PUT", .url = server.url("/d"), .body = std::string(100'000, 'y')})
                ->body.size(),
            100'000 + std::string("PUT /d  [none]").size());
}

TEST(HttpClient, SendsAFile) {
  const auto path = std::filesystem::temp_directory_path() / ("qleet-http-" + std::to_string(getpid()));
  std::ofstream(path) << std::string(300'000, 'z');
  HttpServer server([](const HttpRequest& request, const HttpWrite& write) {
    return write(simple(200, request.method + std::to_string(request.body.size())));
  });
  Client client;
  auto sent = client.request({.method = "POST", .url = server.url("/load"), .body_file = path});
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->body, "POST300000");
  std::filesystem::remove(path);
  EXPECT_EQ(client.request({.method = "POST", .url = server.url("/load"), .body_file = path}).error().code,
            Code::kInvalid);
}

TEST(HttpClient, AnErrorStatusIsAnAnswer) {
  HttpServer server([](const HttpRequest&, const HttpWrite& write) { return write(simple(404, "no such")); });
  auto got = Client().get(server.url("/"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 404);
  EXPECT_FALSE(got->ok());
  EXPECT_EQ(got->body, "no such");
}

TEST(HttpClient, ReusesConnections) {
  HttpServer server(echo);
  Client client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.get(server.url("/")));
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, SurvivesAConnectionThatTheServerClosedMeanwhile) {
  HttpServer server([](const HttpRequest&, const HttpWrite& write) {
    write(simple(200, "once"));
    return false;
  });
  Client client;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get(server.url("/"))->body, "once");
}

TEST(HttpClient, WorksFromManyThreads) {
  HttpServer server(echo);
  Client client;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const std::string path = "/" + std::to_string(t * 100 + i);
          auto got = client.get(server.url(path));
          if (got && got->body == "GET " + path + "  [none]") ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 160);
}

TEST(HttpClient, UnixSocket) {
  const auto path =
      std::filesystem::temp_directory_path() / ("qleet-http-" + std::to_string(getpid()) + ".s");
  Client client({.unix_socket = path});
  auto missing = client.get("http://localhost/x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kUnavailable);
  EXPECT_THAT(missing.error().message, HasSubstr(path.string() + ": nothing serves this socket"));
  HttpServer server(echo, {.unix_socket = path});
  EXPECT_EQ(client.get("http://localhost/x")->body, "GET /x  [none]");
}

TEST(HttpClient, SaysThatNobodyListens) {
  int port = 0;
  {
    port = HttpServer(echo).port();
  }
  auto got = Client().get("http://127.0.0.1:" + std::to_string(port) + "/secret?token=1");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
  EXPECT_THAT(got.error().message,
              HasSubstr("http://127.0.0.1:" + std::to_string(port) + ": cannot connect"));
  EXPECT_THAT(got.error().message, ::testing::Not(HasSubstr("token")));
}

TEST(HttpClient, RefusesOtherSchemesAndBadHeaders) {
  EXPECT_EQ(Client().get("file:///etc/passwd").error().code, Code::kInvalid);
  EXPECT_EQ(Client().get("http://127.0.0.1:1/", {{"A", "b\r\nC: d"}}).error().code, Code::kInvalid);
}

TEST(HttpClient, Deadline) {
  std::atomic<bool> finish = false;
  HttpServer server([&](const HttpRequest&, const HttpWrite& write) {
    finish.wait(false);
    return write(simple(200, "late"));
  });
  auto got = Client().request({.url = server.url("/"), .timeout = Millis(50)});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kDeadline);
  EXPECT_TRUE(got.error().retryable());
  finish = true;
  finish.notify_all();
}

TEST(HttpClient, TooLarge) {
  HttpServer server(
      [](const HttpRequest&, const HttpWrite& write) { return write(simple(200, std::string(2000, 'x'))); });
  auto got = Client().request({.url = server.url("/"), .max_response = 1000});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kTooLarge);
  EXPECT_THAT(got.error().message, HasSubstr("larger than 1000 bytes"));
}

TEST(HttpClient, ABrokenAnswerIsAnError) {
  HttpServer server([](const HttpRequest&, const HttpWrite& write) {
    write("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nonly this");
    return false;
  });
  auto got = Client().get(server.url("/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
}

// An endless stream of numbered events.
bool endless(const HttpRequest&, const HttpWrite& write) {
  if (!write("HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")) return false;
  for (int i = 0; write("data: " + std::to_string(i) + "\n\n"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(HttpClient, StreamUntilTheCallerHasEnough) {
  HttpServer server(endless);
  std::string seen;
  int head_status = 0;
  auto got = Client().stream(
      {.url = server.url("/"), .timeout = Millis(0)},
      [&](std::string_view chunk) {
        EXPECT_EQ(head_status, 200);
        seen += chunk;
        return seen.find("data: 5\n") == std::string::npos;
      },
      [&](const Response& head) {
        head_status = head.status;
        EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
      });
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_THAT(seen, ::testing::StartsWith("data: 0\n\ndata: 1\n"));
}

TEST(HttpClient, StreamThatIsRefusedGivesTheBody) {
  HttpServer server(
      [](const HttpRequest&, const HttpWrite& write) { return write(simple(410, "compacted")); });
  auto got = Client().stream({.url = server.url("/")}, [](std::string_view) {
    ADD_FAILURE() << "no data expected";
    return true;
  });
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 410);
  EXPECT_EQ(got->body, "compacted");
}

TEST(HttpClient, AnotherThreadStopsASilentStream) {
  HttpServer server([](const HttpRequest& request, const HttpWrite& write) {
    write("HTTP/1.1 200 X\r\n\r\nhello");
    // Silence until the client goes away.
    while (request.method == "GET" && write("")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return false;
  });
  std::stop_source stop;
  std::jthread stopper;
  const auto before = std::chrono::steady_clock::now();
  auto got = Client().stream({.url = server.url("/"), .timeout = Millis(0), .stop = stop.get_token()},
                             [&](std::string_view) {
                               stopper = std::jthread([&] { stop.request_stop(); });
                               return true;
                             });
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("stopped"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, test::patient(std::chrono::seconds(5)));
}

class HttpClientTls : public ::testing::Test {
 protected:
  static testing::HttpServerOptions serve(const crypto::CertifiedKey& ca, const crypto::ServerNames& names,
                                          bool with_ca) {
    const auto leaf = crypto::make_server_certificate(ca, names, kDay, SystemClock().wall());
    return {.unix_socket = {},
            .certificate_chain_pem = leaf->certificate_pem + (with_ca ? ca.certificate_pem : ""),
            .private_key_pem = leaf->private_key_pem};
  }
  static std::string fingerprint(const crypto::CertifiedKey& ca) {
    return crypto::inspect_certificate(ca.certificate_pem)->fingerprint;
  }

  static constexpr Millis kDay = std::chrono::hours(24);
  crypto::CertifiedKey ca_ = *crypto::make_ca("good", kDay, SystemClock().wall());
  crypto::CertifiedKey other_ = *crypto::make_ca("other", kDay, SystemClock().wall());
  HttpServer server_{echo, serve(ca_, {{}, {"127.0.0.1"}}, true)};
};

TEST_F(HttpClientTls, GivenCa) {
  auto got = Client({.tls = {.ca_pem = ca_.certificate_pem, .pinned_ca_sha256 = {}}}).get(server_.url("/"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->ca_pem, "");
  for (const std::string& wrong : {other_.certificate_pem, std::string()}) {
    got = Client({.tls = {.ca_pem = wrong, .pinned_ca_sha256 = {}}}).get(server_.url("/"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kDenied);
    EXPECT_THAT(got.error().message, HasSubstr("not trusted"));
  }
}

TEST_F(HttpClientTls, PinnedCa) {
  std::string pin = fingerprint(ca_);
  pin.insert(2, ":");
  pin[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(pin[0])));
  Client client({.tls = {.ca_pem = {}, .pinned_ca_sha256 = pin}});
  for (int i = 0; i < 2; ++i) {  // a new connection, then a reused one
    auto got = client.get(server_.url("/"));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->ca_pem, ca_.certificate_pem);
  }
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpClientTls, PinOfAnotherCaIsRefused) {
  auto got = Client({.tls = {.ca_pem = {}, .pinned_ca_sha256 = fingerprint(other_)}}).get(server_.url("/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kDenied);
  EXPECT_THAT(got.error().message, HasSubstr("presents no CA with the expected fingerprint"));
  EXPECT_EQ(Client({.tls = {.ca_pem = {}, .pinned_ca_sha256 = "abc"}}).get(server_.url("/")).error().code,
            Code::kInvalid);
}

TEST_F(HttpClientTls, PresentingThePinnedCaIsNotEnough) {
  // Signed by another CA, with the expected one beside it for show.
  auto options = serve(other_, {{}, {"127.0.0.1"}}, false);
  options.certificate_chain_pem += ca_.certificate_pem;
  HttpServer impostor(echo, options);
  auto got = Client({.tls = {.ca_pem = {}, .pinned_ca_sha256 = fingerprint(ca_)}}).get(impostor.url("/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kDenied);
  EXPECT_THAT(got.error().message, HasSubstr("not good under the expected CA"));
}

TEST_F(HttpClientTls, NameOfTheServerIsChecked) {
  HttpServer elsewhere(echo, serve(ca_, {{"hub.example"}, {}}, true));
  for (const Tls& tls : {Tls{ca_.certificate_pem, {}}, Tls{{}, fingerprint(ca_)}}) {
    auto got = Client({.tls = tls}).get(elsewhere.url("/"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kDenied);
  }
}

TEST(Problem, SaysWhatThePeerSaid) {
  Response response;
  response.status = 400;
  response.body =
      R"({"title":"Bad Request","detail":"spec.x: is missing","errors":[{"field":"spec.x","message":"is missing","line":3}]})";
  auto error = error_of(response);
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_EQ(error.message, "spec.x: is missing");
  EXPECT_THAT(error.fields, ElementsAre(FieldError{"spec.x", "is missing", 3, ""}));

  response.body = R"({"title":"Conflict"})";
  response.status = 409;
  EXPECT_EQ(error_of(response).message, "Conflict");
  EXPECT_EQ(error_of(response).code, Code::kConflict);

  response.status = 503;
  response.body = "<html>token=secret</html>";
  EXPECT_EQ(error_of(response).message, "the answer has status 503")
      << "a body that is no problem is not repeated";
  EXPECT_TRUE(error_of(response).retryable());
}

TEST(HttpClient, Encode) { EXPECT_EQ(encode("a b/{\"x\":1}~é"), "a%20b%2F%7B%22x%22%3A1%7D~%C3%A9"); }

}  // namespace
}  // namespace qleet::http
