// Too many clients, and slow and silent ones.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include "tests/integration/http_server_fixture.h"

namespace qleet::hub::api {
namespace {

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

}  // namespace
}  // namespace qleet::hub::api
