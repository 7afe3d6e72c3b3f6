// Agents that are sent away, for a while or for good.
#include <signal.h>

#include <atomic>

#include "tests/integration/broker_fixture.h"

namespace qleet::hub {
namespace {

TEST_F(BrokerTest, RevokedAtOnceAndForGood) {
  start();
  auto a = connected_agent("a");
  auto b = connected_agent("b");
  std::atomic<int> changes_of_b = 0;
  b.bus->on_state([&](BusState, const std::string&) { ++changes_of_b; });
  ASSERT_EQ(changes_of_b, 1);

  const auto revoked = broker_->identities().revoke({a.public_key});
  ASSERT_TRUE(revoked) << revoked.error().message;
  EXPECT_TRUE(eventually([&] { return a.bus->state() == BusState::kRefused; }));
  EXPECT_EQ(b.bus->state(), BusState::kConnected);
  EXPECT_EQ(changes_of_b, 1) << "others are left alone";
  EXPECT_TRUE(broker_->identities().revoked(a.public_key));
  EXPECT_EQ(broker_->identities().enrol("a", a.public_key).error().code, Code::kDenied);
  EXPECT_TRUE(broker_->identities().revoke({a.public_key})) << "repeating it costs nothing";

  // Still so after a crash of the server, and after both have stopped.
  kill(broker_->server()->pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return changes_of_b >= 3 && b.bus->state() == BusState::kConnected; }));
  EXPECT_NE(a.bus->state(), BusState::kConnected);
  broker_.reset();
  start();
  ASSERT_TRUE(b.bus->wait_connected(kSoon));
  EXPECT_TRUE(eventually([&] { return a.bus->state() == BusState::kRefused; }));
  EXPECT_TRUE(broker_->identities().revoked(a.public_key));

  // A new key under the same name is welcome.
  EXPECT_TRUE(connected_agent("a").bus->publish("status.a", ""));
}

TEST_F(BrokerTest, SuspendedForAWhile) {
  start();
  auto a = connected_agent("a");
  auto b = connected_agent("b");
  auto c = connected_agent("c");
  for (const auto* agent : {&a, &b, &c}) ASSERT_TRUE(broker_->identities().suspend(agent->public_key));
  for (const auto* agent : {&a, &b, &c})
    ASSERT_TRUE(eventually([&] { return agent->bus->state() == BusState::kRefused; }));
  EXPECT_FALSE(broker_->identities().revoked(a.public_key));
  ASSERT_TRUE(broker_->identities().readmit(a.public_key));
  EXPECT_TRUE(eventually([&] { return a.bus->state() == BusState::kConnected; }));

  // Revoked meanwhile: that stays.
  ASSERT_TRUE(broker_->identities().revoke({b.public_key}));
  ASSERT_TRUE(broker_->identities().readmit(b.public_key));
  EXPECT_TRUE(broker_->identities().revoked(b.public_key));
  // A hub that starts anew knows of no suspension.
  broker_.reset();
  start();
  EXPECT_TRUE(eventually([&] { return c.bus->state() == BusState::kConnected; }));
  EXPECT_TRUE(eventually([&] { return b.bus->state() == BusState::kRefused; }));
}

TEST_F(BrokerTest, TellsWhoseConnectionHasEnded) {
  start();
  std::mutex mutex;
  std::vector<std::string> ended;
  const auto handle = *broker_->on_connection_ended([&](const std::string& agent) {
    const std::lock_guard lock(mutex);
    ended.push_back(agent);
  });
  auto other = connected_agent("a2");
  // Again, because nothing says when the server has begun to tell.
  EXPECT_TRUE(eventually([&] {
    // What a client calls itself is its own choice; only its token counts.
    auto one = agent("a1", [](NatsOptions& options) { options.name = "a2"; });
    EXPECT_TRUE(one.bus->wait_connected(kSoon));
    one.bus->close();
    const std::lock_guard lock(mutex);
    return !ended.empty();
  }));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(ended.front(), "a1");
}

TEST_F(BrokerTest, RevocationsInTheSameSecondAllCount) {
  start();
  std::vector<TestAgent> agents;
  for (const char* name : {"a", "b", "c"}) agents.push_back(connected_agent(name));
  for (const auto& one : agents) ASSERT_TRUE(broker_->identities().revoke({one.public_key}));
  for (const auto& one : agents) {
    EXPECT_TRUE(eventually([&] { return one.bus->state() == BusState::kRefused; }));
  }
}

TEST_F(BrokerTest, RevocationWhileTheServerIsAwayComesIntoForceWithIt) {
  start();
  auto a = connected_agent("a");
  kill(broker_->server()->pid(), SIGSTOP);
  EXPECT_EQ(broker_->identities().revoke({a.public_key}, Millis(50)).error().code, Code::kUnavailable);
  kill(broker_->server()->pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return a.bus->state() == BusState::kRefused; }));
  EXPECT_TRUE(broker_->identities().revoke({a.public_key}));
}

}  // namespace
}  // namespace qleet::hub
