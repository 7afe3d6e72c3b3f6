// The nats-server that a hub runs: started, kept, taken over, replaced.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "common/crypto/private_file.h"
#include "tests/integration/broker_fixture.h"

namespace qleet::hub {
namespace {

// A hub as a process of its own: this test program again, at the case below.
pid_t start_hub_process(const std::filesystem::path& folder, const crypto::CertifiedKey& ca) {
  EXPECT_TRUE(crypto::write_private_file(folder / "ca.crt", ca.certificate_pem));
  EXPECT_TRUE(crypto::write_private_file(folder / "ca.key", ca.private_key_pem));
  setenv("QLEET_TEST_HUB_FOLDER", folder.c_str(), 1);
  const char* arguments[] = {"/proc/self/exe", "--gtest_filter=HubProcess.Runs", nullptr};
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, arguments[0], nullptr, nullptr, const_cast<char* const*>(arguments), environ),
            0);
  unsetenv("QLEET_TEST_HUB_FOLDER");
  return pid;
}

TEST(HubProcess, Runs) {
  const char* given = std::getenv("QLEET_TEST_HUB_FOLDER");
  if (given == nullptr) GTEST_SKIP() << "only started by another case";
  const std::filesystem::path folder = given;
  const SystemClock clock;
  crypto::SystemRandom random;
  const auto broker = Broker::start(
      {.folder = folder / "broker",
       .host = "127.0.0.1",
       .ca = {*crypto::read_private_file(folder / "ca.crt"), *crypto::read_private_file(folder / "ca.key")},
       .names = {{"hub.example"}, {"127.0.0.1"}}},
      random, clock);
  ASSERT_TRUE(broker) << broker.error().message;
  ASSERT_TRUE(crypto::write_private_file(folder / "ready", ""));
  while (true) pause();
}

TEST_F(BrokerTest, AServerThatDiesIsReplaced) {
  start();
  const auto hub_bus = hub();
  auto a = connected_agent("a");
  Inbox heard;
  const auto handle = a.bus->subscribe("desired.a", heard.handler());
  pid_t before = broker_->server()->pid();
  for (int round = 0; round < 3; ++round) {
    kill(before, SIGKILL);
    ASSERT_TRUE(eventually([&] { return broker_->server()->pid() != before; }));
    before = broker_->server()->pid();
    const auto seen = heard.size();
    EXPECT_TRUE(eventually([&] { return hub_bus->publish("desired.a", "x") && heard.size() > seen; }));
  }
}

TEST_F(BrokerTest, AKilledHubLeavesTheServerAndTheNextOneGoesOnWithIt) {
  const pid_t first = start_hub_process(folder_.path(), ca_);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder_ / "ready"); }));
  kill(first, SIGKILL);
  waitpid(first, nullptr, 0);

  start();
  EXPECT_TRUE(broker_->server()->reused());
  const pid_t server = broker_->server()->pid();
  auto a = connected_agent("a");
  std::atomic<int> changes = 0;
  a.bus->on_state([&](BusState, const std::string&) { ++changes; });

  // Once more, with an agent connected.
  broker_->leave();
  broker_.reset();
  start();
  EXPECT_TRUE(broker_->server()->reused());
  EXPECT_EQ(broker_->server()->pid(), server);
  ASSERT_TRUE(broker_->identities().revoke({agent("b").public_key}));
  EXPECT_EQ(changes, 1) << "the agent's connection was never lost";

  // One that is taken over is supervised, and ended, like one's own.
  kill(server, SIGKILL);
  EXPECT_TRUE(eventually([&] { return broker_->server()->pid() != server; }));
  ASSERT_TRUE(a.bus->wait_connected(kSoon));
  const int port = broker_->port();
  broker_.reset();
  EXPECT_FALSE(testing::port_answers(port));
}

TEST_F(BrokerTest, AnUnhealthyOrOtherwiseConfiguredServerIsReplaced) {
  start();
  const pid_t first = broker_->server()->pid();
  const int port = broker_->port();
  broker_->leave();
  broker_.reset();
  auto changed = options();
  changed.port = testing::free_port();
  start(changed);
  EXPECT_FALSE(broker_->server()->reused());
  EXPECT_NE(broker_->server()->pid(), first);
  EXPECT_FALSE(testing::port_answers(port));

  const pid_t second = broker_->server()->pid();
  broker_->leave();
  broker_.reset();
  kill(second, SIGSTOP);
  start(changed);
  EXPECT_FALSE(broker_->server()->reused());
  EXPECT_TRUE(connected_agent("a").bus->publish("status.a", ""));
}

TEST_F(BrokerTest, ThePortIsKept) {
  start();
  const int port = broker_->port();
  broker_.reset();
  start();
  EXPECT_EQ(broker_->port(), port);
  EXPECT_FALSE(broker_->server()->reused());
}

TEST_F(BrokerTest, ARenewedCertificateReachesTheRunningServer) {
  start();
  auto a = connected_agent("a");
  broker_->leave();
  broker_.reset();
  auto with_name = options();
  with_name.names.dns.emplace_back("new.example");
  start(with_name);
  EXPECT_TRUE(broker_->server()->reused());
  EXPECT_EQ(a.bus->state(), BusState::kConnected);
  // The reload takes the server a moment; until then the new name does not fit, and is tried again.
  const auto made = agent("a", [](NatsOptions& options) { options.tls_server_name = "new.example"; });
  EXPECT_TRUE(made.bus->wait_connected(kSoon));
}

TEST_F(BrokerTest, OldPartsOfTheLogAreRemoved) {
  const auto part = [&](const char* date) { return folder_ / "broker" / (std::string("nats.log.") + date); };
  for (const char* date : {"2026.01.01", "2026.01.02", "2026.01.03", "2026.01.04"}) {
    ASSERT_TRUE(crypto::write_private_file(part(date), "x"));
  }
  start();
  EXPECT_FALSE(std::filesystem::exists(part("2026.01.01")));
  EXPECT_FALSE(std::filesystem::exists(part("2026.01.02")));
  EXPECT_TRUE(std::filesystem::exists(part("2026.01.03")));
  EXPECT_TRUE(std::filesystem::exists(part("2026.01.04")));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "broker/nats.log"));
}

TEST_F(BrokerTest, SaysWhyItCannotStart) {
  auto broken = options();
  broken.binary = "/nonexistent/nats-server";
  EXPECT_THAT(Broker::start(broken, random_, clock_).error().message, HasSubstr("/nonexistent/nats-server"));

  testing::NatsProcess occupant;
  auto taken = options();
  taken.port = occupant.port();
  const auto refused = Broker::start(taken, random_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExists);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("port {} is taken", occupant.port())));

  auto elsewhere = options();
  elsewhere.host = "203.0.113.1";  // of nobody
  EXPECT_THAT(Broker::start(elsewhere, random_, clock_).error().message, HasSubstr("203.0.113.1"));
}

TEST_F(BrokerTest, DamagedKeysAreNotReplaced) {
  start();
  broker_.reset();
  const auto keys = folder_ / "broker/keys";
  const std::string text = *crypto::read_private_file(keys);
  std::filesystem::remove(keys);
  EXPECT_THAT(Broker::start(options(), random_, clock_).error().message,
              HasSubstr("restore it from a backup"));
  ASSERT_TRUE(crypto::write_private_file(keys, text.substr(0, 100)));
  EXPECT_THAT(Broker::start(options(), random_, clock_).error().message, HasSubstr("restore the file"));
  ASSERT_TRUE(crypto::write_private_file(keys, text));
  std::filesystem::permissions(keys, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_THAT(Broker::start(options(), random_, clock_).error().message, HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace qleet::hub
