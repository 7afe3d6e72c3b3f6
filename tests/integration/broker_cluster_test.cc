// A NATS cluster that was given, instead of a nats-server of the hub's own.
#include <atomic>

#include "common/crypto/private_file.h"
#include "tests/integration/broker_fixture.h"

namespace qleet::hub {
namespace {

class ClusterTest : public BrokerTest {
 protected:
  // A cluster of one server, which trusts the hub's operator.
  void SetUp() override {
    // The first start writes what the cluster must know; nothing runs yet.
    start_with("nats://127.0.0.1:1");
    broker_.reset();
    const std::string config = *crypto::read_private_file(folder_ / "broker/cluster.conf");
    const std::string folder = folder_ / "accounts";
    server_ = std::make_unique<testing::NatsProcess>(
        std::string(config).replace(config.find("./accounts"), 10, folder));
    start_with(server_->url());
  }
  void start_with(const std::string& url) {
    start({.folder = folder_ / "broker", .cluster = {.urls = {url}}});
  }

  std::unique_ptr<testing::NatsProcess> server_;
};

TEST_F(ClusterTest, AGivenClusterEnrolsAndRevokes) {
  const auto hub_bus = hub();
  const auto at_cluster = [&](NatsOptions& options) { options.urls = broker_->cluster_urls(); };
  const auto a = agent("a", at_cluster);
  ASSERT_TRUE(a.bus->wait_connected(kSoon));
  Inbox heard;
  const auto handle = hub_bus->subscribe("status.*", heard.handler());
  ASSERT_TRUE(hub_bus->flush(kSoon));
  ASSERT_TRUE(a.bus->publish("status.a", "x"));
  EXPECT_TRUE(eventually([&] { return heard.size() == 1; }));
  ASSERT_TRUE(broker_->identities().revoke({a.public_key}));
  EXPECT_TRUE(eventually([&] { return a.bus->state() == BusState::kRefused; }));
  EXPECT_EQ(broker_->port(), 0);
}

// The library makes nothing of 1 signature in 256: such a nonce must never become a refusal.
TEST_F(ClusterTest, ManyConnectionsNoRefusal) {
  std::atomic<int> refused = 0;
  for (int i = 0; i < 700; ++i) {
    const auto a = agent("a", [&](NatsOptions& options) {
      options.urls = broker_->cluster_urls();
      options.reconnect_wait = options.reconnect_jitter = Millis(0);
    });
    a.bus->on_state(
        [&](BusState state, const std::string&) { refused += state == BusState::kRefused ? 1 : 0; });
    ASSERT_TRUE(a.bus->wait_connected(kSoon)) << i;
  }
  EXPECT_EQ(refused, 0);
}

}  // namespace
}  // namespace qleet::hub
