#include "common/bus/light_nats_bus.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "tests/support/mutual_tls_server.h"
#include "tests/support/nats_harness.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

using testing::eventually;
using testing::fast;
using ::testing::HasSubstr;
using testing::Inbox;
using testing::NatsProcess;

class LightHarness final : public testing::NatsHarness<LightNatsBus> {
  std::unique_ptr<LightNatsBus> start(const NatsOptions& options) override {
    return *LightNatsBus::start(options, io_.loop());
  }

  SystemClock clock_;
  IoThread io_{clock_};
};

std::unique_ptr<testing::BusHarness> make_harness() { return std::make_unique<LightHarness>(); }

}  // namespace

namespace testing {
INSTANTIATE_TEST_SUITE_P(LightNats, BusConformance, ::testing::Values(&make_harness));
}  // namespace testing

namespace {

class LightNatsBusTest : public ::testing::Test {
 protected:
  std::unique_ptr<LightNatsBus> start(const NatsOptions& options) {
    return *LightNatsBus::start(options, io_.loop());
  }
  SystemClock clock_;
  IoThread io_{clock_};
};

TEST_F(LightNatsBusTest, ConnectsToABrokerThatComesLater) {
  NatsProcess server;
  server.kill9();
  auto bus = start(fast("a", server.url()));
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

TEST_F(LightNatsBusTest, AfterCloseEverythingFailsAndHandlesMayOutliveIt) {
  NatsProcess server;
  Inbox seen;
  auto bus = start(fast("a", server.url()));
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

TEST_F(LightNatsBusTest, ShowsACertificateToAServerThatAsksForIt) {
  const testing::MutualTlsServer server;
  auto options = server.with_certificate("a");
  const auto good = start(options);
  EXPECT_TRUE(good->wait_connected(Millis(10'000)));
  const auto refused = start(server.without_certificate("b"));
  EXPECT_TRUE(eventually([&] { return refused->state() == BusState::kRefused; }));
  options.tls_key_pem.clear();
  EXPECT_THAT(LightNatsBus::start(options, io_.loop()).error().message, HasSubstr("one needs the other"));
  options.tls_key_pem = "nonsense";
  EXPECT_THAT(LightNatsBus::start(options, io_.loop()).error().message, HasSubstr("not a certificate"));
}

TEST_F(LightNatsBusTest, LargeMessagesBothWaysOverTls) {
  const test::TempDir folder;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
    return (folder.path() / name).string();
  };
  const Millis day = std::chrono::hours(24);
  const auto ca = crypto::make_ca("test", day, clock_.wall()).value();
  const auto server_key =
      crypto::make_server_certificate(ca, {.dns = {"broker.test"}, .ips = {}}, day, clock_.wall()).value();
  NatsProcess server("tls { cert_file: \"" + write("cert", server_key.certificate_pem) + "\", key_file: \"" +
                     write("key", server_key.private_key_pem) + "\" }");
  auto options = fast("a", server.url("tls"));
  options.tls_ca_pem = ca.certificate_pem;
  options.tls_server_name = "broker.test";
  auto alice = start(options);
  options.name = "b";
  auto bob = start(options);
  ASSERT_TRUE(alice->wait_connected(Millis(10'000)));
  ASSERT_TRUE(bob->wait_connected(Millis(10'000)));
  Inbox seen;
  const auto handle = bob->subscribe("a", seen.handler());
  ASSERT_TRUE(bob->flush(Millis(5'000)));
  const std::string large(900'000, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(alice->publish("a", large + std::to_string(i)));
  ASSERT_TRUE(eventually([&] { return seen.size() == 10; }));
  EXPECT_EQ(seen.data().back(), large + "9");

  options.tls_server_name = "another.test";
  auto stranger = start(options);
  std::string why;
  std::mutex mutex;
  stranger->on_state([&](BusState, const std::string& said) {
    const std::lock_guard lock(mutex);
    why = said;
  });
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return why.find("not trusted") != std::string::npos;
  })) << why;
}

// Each PING is answered: what the server does not read must not grow for ever.
TEST_F(LightNatsBusTest, AServerThatAsksAndDoesNotReadIsLeft) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto options = fast("a", "nats://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  options.reconnect_wait = std::chrono::hours(1);
  auto bus = start(options);
  const int peer = ::accept(listener, nullptr, nullptr);
  std::string said = "INFO {}\r\nPONG\r\n";
  for (int i = 0; i < 10'000; ++i) said += "PING\r\n";
  std::size_t sent = 0;
  while (sent < (256U << 20U)) {
    const auto took = ::send(peer, said.data(), said.size(), MSG_NOSIGNAL);
    if (took <= 0) break;
    sent += static_cast<std::size_t>(took);
  }
  EXPECT_LT(sent, 128U << 20U);
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::kDisconnected; }));
  ::close(peer);
  ::close(listener);
}

TEST_F(LightNatsBusTest, ManyConnectionsOnOneThread) {
  NatsProcess server;
  std::vector<std::unique_ptr<LightNatsBus>> buses;
  std::vector<std::shared_ptr<void>> handles;
  Inbox seen;
  for (int i = 0; i < 200; ++i) {
    buses.push_back(start(fast("a" + std::to_string(i), server.url())));
    handles.push_back(*buses.back()->subscribe("all", seen.handler()));
  }
  for (auto& bus : buses) ASSERT_TRUE(bus->wait_connected(Millis(10'000)));
  ASSERT_TRUE(buses[0]->publish("all", "1"));
  EXPECT_TRUE(eventually([&] { return seen.size() == buses.size(); }));
}

}  // namespace
}  // namespace qleet
