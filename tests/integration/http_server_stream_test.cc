// Answers that go on.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/http_server_fixture.h"

namespace qleet::hub::api {
namespace {

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

}  // namespace
}  // namespace qleet::hub::api
