// The parts of the HTTP client that need no network: URLs, the choice of a proxy, the reading of answers.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <thread>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/http/answer.h"
#include "common/http/client.h"
#include "common/http/proxy.h"
#include "common/http/url.h"
#include "tests/support/http_server.h"

namespace qleet::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Url, Parts) {
  auto url = parse_url("https://hub.example:7443/v1/x?y=1#z");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, "7443");
  EXPECT_EQ(url->authority, "hub.example:7443");
  EXPECT_EQ(url->target, "/v1/x?y=1");
  EXPECT_EQ(parse_url("http://a")->target, "/");
  EXPECT_EQ(parse_url("http://a?q")->target, "/?q");
  EXPECT_EQ(parse_url("http://a")->port, "80");
  EXPECT_EQ(parse_url("https://a")->port, "443");
  EXPECT_EQ(parse_url("http://[::1]:8/x")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:8/x")->port, "8");
}

TEST(Url, Refused) {
  for (const char* text :
       {"", "ftp://a", "http://", "http:///x", "http://a:99999/", "http://a:b/", "http://u:p@a/",
        "http://::1/", "http://[::1/", "http://[::1]x/", "http://a/b c", "http://a/\r\nX: y"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kInvalid);
    EXPECT_THAT(url.error().message, ::testing::Not(HasSubstr("u:p")));
  }
}

std::optional<Proxy> chosen(const char* url, std::map<std::string, std::string> variables) {
  const auto proxy = proxy_for(*parse_url(url), [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  return proxy ? *proxy : std::nullopt;
}

TEST(ProxyChoice, AsOtherProgramsDo) {
  EXPECT_FALSE(chosen("https://hub.example/", {}));
  const auto proxy = chosen("https://hub.example/", {{"HTTPS_PROXY", "http://me:secret@proxy.example:3128"}});
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->host, "proxy.example");
  EXPECT_EQ(proxy->port, "3128");
  EXPECT_EQ(proxy->authorization, "Basic bWU6c2VjcmV0");
  EXPECT_TRUE(chosen("https://hub.example/", {{"all_proxy", "proxy:1"}}));
  EXPECT_FALSE(chosen("https://127.0.0.1:7443/", {{"HTTPS_PROXY", "http://proxy:1"}}));
  EXPECT_FALSE(chosen("https://localhost/", {{"HTTPS_PROXY", "http://proxy:1"}}));
  EXPECT_FALSE(chosen("http://10.0.0.7/", {{"all_proxy", "http://proxy:1"}})) << "a probe";
  for (const char* none : {"hub.example", "a, .example", "example", "*"}) {
    EXPECT_FALSE(chosen("https://hub.example/", {{"HTTPS_PROXY", "http://proxy:1"}, {"NO_PROXY", none}}))
        << none;
  }
  for (const char* none : {"ub.example", "hub", "x.hub.example", ""}) {
    EXPECT_TRUE(chosen("https://hub.example/", {{"HTTPS_PROXY", "http://proxy:1"}, {"NO_PROXY", none}}))
        << none;
  }
}

TEST(ProxyChoice, OneThatCannotBeUsedIsSaid) {
  for (const char* text : {"socks5://proxy:1", "https://proxy:1", "http://:1"}) {
    const auto proxy = proxy_for(*parse_url("https://hub.example/"), [&](const char* name) -> const char* {
      return std::string_view(name) == "HTTPS_PROXY" ? text : nullptr;
    });
    ASSERT_FALSE(proxy) << text;
    EXPECT_THAT(proxy.error().message, HasSubstr("HTTPS_PROXY"));
  }
}

struct Read {
  std::string body;
  int heads = 0;
  bool wants = true;
  Answer answer;

  explicit Read(bool bodyless = false)
      : answer({.on_head = [this](const Response&) { return ++heads, true; },
                .on_body = [this](const Response&, std::string_view piece) { return body += piece, wants; }},
               bodyless) {}
  // In pieces of every size.
  Result<> feed(std::string_view text, std::size_t piece) {
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      TRY(answer.feed(text.substr(0, piece)));
    return {};
  }
};

TEST(Answer, TheSameInPiecesOfAnySize) {
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nT: railer\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Read read;
    ASSERT_TRUE(read.feed(text, piece)) << piece;
    EXPECT_TRUE(read.answer.done()) << piece;
    EXPECT_TRUE(read.answer.reusable()) << piece;
    EXPECT_EQ(read.body, "hello world") << piece;
    EXPECT_EQ(read.heads, 1) << piece;
    EXPECT_EQ(read.answer.response().status, 200);
    EXPECT_EQ(read.answer.response().header("a"), "b");
  }
}

TEST(Answer, EndsWhereItSays) {
  Read length;
  ASSERT_TRUE(length.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 100));
  EXPECT_TRUE(length.answer.done());
  EXPECT_TRUE(length.answer.reusable());

  Read more;
  ASSERT_TRUE(more.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200", 100));
  EXPECT_FALSE(more.answer.reusable()) << "what nobody asked for";

  Read closes;
  ASSERT_TRUE(closes.feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 100));
  EXPECT_FALSE(closes.answer.reusable());

  Read until_end;
  ASSERT_TRUE(until_end.feed("HTTP/1.1 200 OK\r\n\r\nall", 100));
  EXPECT_FALSE(until_end.answer.done());
  EXPECT_TRUE(until_end.answer.feed_end());
  EXPECT_TRUE(until_end.answer.done());
  EXPECT_EQ(until_end.body, "all");

  for (const char* empty : {"HTTP/1.1 204 X\r\n\r\n", "HTTP/1.1 304 X\r\n\r\n"}) {
    Read none;
    ASSERT_TRUE(none.feed(empty, 3));
    EXPECT_TRUE(none.answer.done());
  }
  Read head(true);
  ASSERT_TRUE(head.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 100));
  EXPECT_TRUE(head.answer.done());
}

TEST(Answer, BrokenOnesAreErrors) {
  Read nothing;
  EXPECT_EQ(nothing.answer.feed_end().error().code, Code::kUnavailable);
  for (const char* partial :
       {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    Read read;
    ASSERT_TRUE(read.feed(partial, 100));
    EXPECT_FALSE(read.answer.feed_end()) << partial;
  }
  for (const char* wrong :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.0 020 OK\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Read read;
    EXPECT_FALSE(read.feed(wrong, 100)) << wrong;
  }
  Read endless;
  EXPECT_FALSE(endless.feed("HTTP/1.1 200 OK\r\nA: " + std::string(1U << 20U, 'x'), 4096));
}

TEST(Answer, ThatEndsAfterAnInterimOneIsBroken) {
  Read read;
  ASSERT_TRUE(read.feed("HTTP/1.1 100 Continue\r\n\r\n", 100));
  EXPECT_EQ(read.answer.feed_end().error().code, Code::kUnavailable);
  EXPECT_FALSE(read.answer.done());
}

// One line at a time, so that never much waits.
TEST(Answer, WhatIsNotItsBodyIsBounded) {
  const std::string line = "A: " + std::string(1000, 'x') + "\r\n";
  for (const auto& [begin, endless] : std::vector<std::pair<std::string, std::string>>{
           {"HTTP/1.1 200 OK\r\n", line},
           {"", "HTTP/1.1 100 Continue\r\n" + line + "\r\n"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x", std::string(1000, 'x')},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", line}}) {
    Read read;
    bool refused = !read.answer.feed(begin);
    std::size_t fed = 0;
    for (; !refused && fed < (1U << 20U); fed += endless.size()) refused = !read.answer.feed(endless);
    EXPECT_TRUE(refused) << begin;
    EXPECT_LT(fed, 300'000U) << begin;
  }
}

TEST(Answer, AStreamOfManyChunksMayBeLong) {
  Read read;
  ASSERT_TRUE(read.answer.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(read.answer.feed("1\r\nx\r\n"));
  EXPECT_EQ(read.body.size(), 200'000U);
}

TEST(Answer, IsGivenUpWhenNobodyWantsMore) {
  Read read;
  read.wants = false;
  ASSERT_TRUE(read.feed("HTTP/1.1 200 OK\r\n\r\nab", 1));
  EXPECT_TRUE(read.answer.given_up());
  EXPECT_FALSE(read.answer.done());
  EXPECT_EQ(read.body, "a");
}

using qleet::testing::HttpRequest;
using qleet::testing::HttpServer;
using qleet::testing::HttpWrite;
using qleet::testing::simple;

TEST(HttpExchange, AHeadHasNoBody) {
  HttpServer server([](const HttpRequest& request, const HttpWrite& write) {
    if (request.method == "HEAD") return write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    return write(simple(200, "after"));
  });
  Client client;
  auto head = client.request({.method = "HEAD", .url = server.url("/")});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->header("content-length"), "5");
  EXPECT_EQ(client.get(server.url("/"))->body, "after");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpExchange, AnInterimAnswerAndNoOtherIsAnErrorAtOnce) {
  HttpServer server([](const HttpRequest&, const HttpWrite& write) {
    write("HTTP/1.1 100 Continue\r\n\r\n");
    return false;
  });
  const auto got = Client().get(server.url("/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
}

TEST(HttpExchange, ABodyLargerThanAllBuffersGoesBothWays) {
  HttpServer server(
      [](const HttpRequest& request, const HttpWrite& write) { return write(simple(200, request.body)); });
  std::string body;
  for (int i = 0; body.size() < (8U << 20U); ++i) body += std::to_string(i);
  auto echoed = Client().post(server.url("/"), body);
  ASSERT_TRUE(echoed) << echoed.error().message;
  EXPECT_TRUE(echoed->body == body);
}

TEST(HttpExchange, SilenceInTheMiddleIsNoticed) {
  std::atomic<bool> finish = false;
  HttpServer server([&](const HttpRequest&, const HttpWrite& write) {
    write("HTTP/1.1 200 X\r\n\r\nbegun");
    finish.wait(false);
    return false;
  });
  auto got = Client().stream({.url = server.url("/"), .timeout = Millis(0), .idle_timeout = Millis(50)},
                             [](std::string_view) { return true; });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kDeadline);
  finish = true;
  finish.notify_all();
}

// Takes one CONNECT, and joins its caller with `port`.
class Tunnel {
 public:
  explicit Tunnel(int port, std::string verdict) : thread_([this, port, verdict] { serve(port, verdict); }) {}
  ~Tunnel() {
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  std::string question;

 private:
  static int listen_on(int& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd, 1), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return fd;
  }
  void serve(int port, const std::string& verdict) {
    const int caller = ::accept(listener_, nullptr, nullptr);
    char c = 0;
    while (!question.ends_with("\r\n\r\n") && ::read(caller, &c, 1) == 1) question += c;
    EXPECT_EQ(::write(caller, verdict.data(), verdict.size()), static_cast<ssize_t>(verdict.size()));
    const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    EXPECT_EQ(::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::array<char, 4096> buffer;
    for (bool open = true; open;) {
      std::array<pollfd, 2> ends{{{caller, POLLIN, 0}, {peer, POLLIN, 0}}};
      ::poll(ends.data(), ends.size(), 5'000);
      open = ends[0].revents != 0 || ends[1].revents != 0;
      for (const auto [from, to] : {std::pair(0, peer), std::pair(1, caller)}) {
        if (ends[static_cast<std::size_t>(from)].revents == 0) continue;
        const ssize_t got = ::read(ends[static_cast<std::size_t>(from)].fd, buffer.data(), buffer.size());
        if (got <= 0 || ::send(to, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got)
          open = false;
      }
    }
    ::close(peer);
    ::close(caller);
  }

  int port_ = 0;
  int listener_ = listen_on(port_);
  std::thread thread_;
};

TEST(HttpExchange, ThroughAProxy) {
  const auto now = SystemClock().wall();
  const auto ca = *crypto::make_ca("good", std::chrono::hours(24), now);
  const auto leaf = *crypto::make_server_certificate(ca, {{"hub.test"}, {}}, std::chrono::hours(24), now);
  HttpServer server([](const HttpRequest&, const HttpWrite& write) { return write(simple(200, "behind")); },
                    {.unix_socket = {},
                     .certificate_chain_pem = leaf.certificate_pem,
                     .private_key_pem = leaf.private_key_pem});
  for (const bool allowed : {true, false}) {
    Tunnel proxy(server.port(), allowed ? "HTTP/1.1 200 Connected\r\n\r\n" : "HTTP/1.1 403 No\r\n\r\n");
    ::setenv("https_proxy", ("http://me:pw@127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
    auto got = Client({.tls = {.ca_pem = ca.certificate_pem, .pinned_ca_sha256 = {}}})
                   .get("https://hub.test:7443/x");
    ::unsetenv("https_proxy");
    EXPECT_THAT(proxy.question, HasSubstr("CONNECT hub.test:7443 HTTP/1.1\r\n"));
    EXPECT_THAT(proxy.question, HasSubstr("Proxy-Authorization: Basic bWU6cHc=\r\n"));
    if (allowed) {
      ASSERT_TRUE(got) << got.error().message;
      EXPECT_EQ(got->body, "behind");
    } else {
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().message,
                "https://hub.test:7443: the proxy refuses to connect to it (status 403)");
    }
  }
}

}  // namespace
}  // namespace qleet::http
