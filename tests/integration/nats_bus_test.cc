#include "common/bus/nats_bus.h"

#include <dirent.h>

#include "tests/support/mutual_tls_server.h"
#include "tests/support/nats_harness.h"
#include "tests/support/patience.h"

namespace qleet {
namespace {

using testing::eventually;
using testing::fast;
using ::testing::HasSubstr;
using testing::Inbox;
using testing::NatsProcess;

class CnatsHarness final : public testing::NatsHarness<NatsBus> {
  std::unique_ptr<NatsBus> start(const NatsOptions& options) override { return *NatsBus::start(options); }
  // The delivery thread, which is one for all, has passed on what came when it passes on what came later.
  void settle() override {
    NatsHarness::settle();
    for (NatsBus* bus : buses()) {
      Inbox marker;
      const auto handle = bus->subscribe("settle", marker.handler());
      (void)bus->publish("settle", "");
      testing::eventually([&] { return marker.size() > 0; });
    }
  }
};

std::unique_ptr<testing::BusHarness> make_harness() { return std::make_unique<CnatsHarness>(); }

}  // namespace

namespace testing {
INSTANTIATE_TEST_SUITE_P(Nats, BusConformance, ::testing::Values(&make_harness));
}  // namespace testing

namespace {

int threads_of_this_process() {
  DIR* folder = opendir("/proc/self/task");
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 2;
}

TEST(NatsBus, RefusesBadOptions) {
  const auto error = [](NatsOptions options) { return NatsBus::start(std::move(options)).error().message; };
  EXPECT_THAT(error({.urls = {}, .name = "a"}), HasSubstr("urls: at least one"));
  EXPECT_THAT(error({.urls = {"http://x"}, .name = "a"}), HasSubstr("does not begin with nats://"));
  EXPECT_THAT(error({.urls = {"nats://x"}, .name = "a.b"}), HasSubstr("name: \"a.b\" is not one token"));
  EXPECT_THAT(error({.urls = {"nats://x"}, .name = "a", .user_jwt = "x"}), HasSubstr("one needs the other"));
  EXPECT_THAT(error({.urls = {"nats://x"}, .name = "a", .user_jwt = "x", .user_seed = "SUX"}),
              HasSubstr("user_seed: not an nkey seed"));
}

TEST(NatsBus, ShowsACertificateToAServerThatAsksForIt) {
  const testing::MutualTlsServer server;
  const auto good = *NatsBus::start(server.with_certificate("a"));
  EXPECT_TRUE(good->wait_connected(Millis(10'000)));
  const auto refused = *NatsBus::start(server.without_certificate("b"));
  EXPECT_TRUE(eventually(
      [&] { return refused->state() == BusState::kDisconnected || refused->state() == BusState::kRefused; }));
}

TEST(NatsBus, ConnectsToABrokerThatComesLater) {
  NatsProcess server;
  server.kill9();
  auto bus = *NatsBus::start(fast("a", server.url()));
  Inbox seen;
  const auto handle = bus->subscribe("a", seen.handler());
  ASSERT_TRUE(handle);
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::kDisconnected; }));
  EXPECT_EQ(bus->publish("a", "").error().code, Code::kUnavailable);
  server.start();
  ASSERT_TRUE(bus->wait_connected(Millis(10'000)));
  ASSERT_TRUE(bus->publish("a", "1"));
  EXPECT_TRUE(eventually([&] { return seen.size() == 1; }));
}

TEST(NatsBus, CloseIsPromptWhateverTheState) {
  NatsProcess server;
  const auto elapsed = [](const std::function<void()>& what) {
    const auto start = std::chrono::steady_clock::now();
    what();
    return std::chrono::steady_clock::now() - start;
  };
  auto connected = *NatsBus::start(fast("a", server.url()));
  ASSERT_TRUE(connected->wait_connected(Millis(10'000)));
  EXPECT_LT(elapsed([&] { connected.reset(); }), test::patient(std::chrono::seconds(1)));

  auto options = fast("a", server.url());
  options.reconnect_wait = options.max_wait = Millis(60'000);
  auto lost = *NatsBus::start(options);
  ASSERT_TRUE(lost->wait_connected(Millis(10'000)));
  server.kill9();
  ASSERT_TRUE(eventually([&] { return lost->state() == BusState::kDisconnected; }));
  EXPECT_LT(elapsed([&] { lost.reset(); }), test::patient(std::chrono::seconds(1)));

  auto never = *NatsBus::start(options);
  ASSERT_TRUE(eventually([&] { return never->state() == BusState::kDisconnected; }));
  EXPECT_LT(elapsed([&] { never.reset(); }), test::patient(std::chrono::seconds(1)));
}

TEST(NatsBus, AfterCloseEverythingFailsAndHandlesMayOutliveIt) {
  NatsProcess server;
  Inbox seen;
  auto bus = *NatsBus::start(fast("a", server.url()));
  ASSERT_TRUE(bus->wait_connected(Millis(10'000)));
  auto subscription = *bus->subscribe("a", seen.handler());
  auto request = *bus->request("b", "", seen.handler());
  bus->close();
  bus->close();
  EXPECT_EQ(bus->publish("a", "").error().code, Code::kUnavailable);
  EXPECT_EQ(bus->subscribe("a", seen.handler()).error().code, Code::kUnavailable);
  EXPECT_EQ(bus->flush(Millis(10)).error().code, Code::kUnavailable);
  bus.reset();
  subscription.reset();
  request.reset();
}

TEST(NatsBus, FewThreads) {
  NatsProcess server;
  auto bus = *NatsBus::start(fast("a", server.url()));
  ASSERT_TRUE(bus->wait_connected(Millis(10'000)));
  std::vector<std::shared_ptr<void>> handles;
  const int before = threads_of_this_process();
  for (int i = 0; i < 20; ++i)
    handles.push_back(*bus->subscribe("s" + std::to_string(i), [](const Message&) {}));
  ASSERT_TRUE(bus->flush(Millis(5'000)));
  EXPECT_LE(threads_of_this_process(), before + 1) << "no thread for each subscription";
  EXPECT_LE(threads_of_this_process(), 9);
}

TEST(NatsBus, TellsOfDroppedMessages) {
  NatsProcess server;
  std::atomic<int> errors = 0;
  auto options = fast("a", server.url());
  options.max_pending_messages = 10;
  options.on_error = [&](const std::string& what) {
    if (what.find("handled too slowly") != std::string::npos) ++errors;
  };
  auto bus = *NatsBus::start(options);
  ASSERT_TRUE(bus->wait_connected(Millis(10'000)));
  std::atomic<bool> go = false;
  const auto handle = bus->subscribe("a", [&](const Message&) { go.wait(false); });
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(bus->publish("a", "x"));
  EXPECT_TRUE(eventually([&] { return errors > 0; }));
  go = true;
  go.notify_all();
}

}  // namespace
}  // namespace qleet
