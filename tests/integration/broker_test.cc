#include "hub/broker/broker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>

#include "common/crypto/private_file.h"
#include "tests/support/bus_conformance.h"
#include "tests/support/nats_process.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using testing::Inbox;
using ::testing::Not;

constexpr Millis kSoon{15'000};

// What an agent has: a key of its own and the token that it was given for it.
struct TestAgent {
  std::string public_key;
  std::string jwt;
  std::unique_ptr<LightNatsBus> bus;
  std::shared_ptr<std::vector<std::string>> errors = std::make_shared<std::vector<std::string>>();
  std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();

  bool complained_of(const std::string& what) const {
    const std::lock_guard lock(*mutex);
    return std::ranges::any_of(*errors,
                               [&](const auto& error) { return error.find(what) != std::string::npos; });
  }
};

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

class BrokerTest : public ::testing::Test {
 protected:
  BrokerOptions options() const {
    return {.folder = folder_ / "broker",
            .host = "127.0.0.1",
            .ca = ca_,
            .names = {{"hub.example"}, {"127.0.0.1"}}};
  }

  void start() { start(options()); }
  void start(BrokerOptions options) {
    auto broker = Broker::start(std::move(options), random_, clock_);
    ASSERT_TRUE(broker) << broker.error().message;
    broker_ = std::move(*broker);
  }

  std::unique_ptr<LightNatsBus> hub() {
    auto bus = *LightNatsBus::start(*broker_->hub_options(), io_.loop());
    EXPECT_TRUE(bus->wait_connected(kSoon));
    return bus;
  }

  NatsOptions agent_options(TestAgent& agent, const std::string& name, const crypto::NKey& key) {
    NatsOptions options = small_nats_options();
    options.urls = {fmt::format("tls://127.0.0.1:{}", broker_->port())};
    options.name = name;
    options.tls_ca_pem = broker_->tls_ca_pem();
    options.tls_server_name = broker_->tls_server_name();
    options.user_jwt = agent.jwt;
    options.user_seed = key.seed();
    options.reconnect_wait = Millis(20);
    options.reconnect_jitter = Millis(20);
    options.max_wait = Millis(100);
    options.on_error = [errors = agent.errors, mutex = agent.mutex](const std::string& what) {
      const std::lock_guard lock(*mutex);
      errors->push_back(what);
    };
    return options;
  }

  TestAgent agent(const std::string& name, const std::function<void(NatsOptions&)>& change = {}) {
    const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random_);
    TestAgent agent;
    agent.public_key = key.public_key();
    agent.jwt = *broker_->identities().enrol(name, key.public_key());
    auto options = agent_options(agent, name, key);
    if (change) change(options);
    agent.bus = *LightNatsBus::start(options, io_.loop());
    return agent;
  }
  TestAgent connected_agent(const std::string& name) {
    auto made = agent(name);
    EXPECT_TRUE(made.bus->wait_connected(kSoon));
    return made;
  }

  test::TempDir folder_;
  SystemClock clock_;
  IoThread io_{clock_};
  crypto::SystemRandom random_;
  crypto::CertifiedKey ca_ = *crypto::make_ca("test", std::chrono::hours(24 * 365), clock_.wall());
  std::unique_ptr<Broker> broker_;
};

TEST_F(BrokerTest, AnAgentReachesItsOwnSubjects) {
  start();
  const auto hub_bus = hub();
  const auto a = connected_agent("eu-1");
  Inbox heard;
  std::vector<std::shared_ptr<void>> handles;
  for (const char* subject : {"desired.eu-1", "poke.eu-1", "ack.eu-1"}) {
    handles.push_back(*a.bus->subscribe(subject, heard.handler()));
  }
  handles.push_back(*a.bus->subscribe(
      "command.eu-1", [&](const Message& message) { EXPECT_TRUE(a.bus->publish(message.reply, "done")); }));
  Inbox told;
  for (const char* subject : {"status.*", "heartbeat.*", "logs.>"}) {
    handles.push_back(*hub_bus->subscribe(subject, told.handler()));
  }
  handles.push_back(*hub_bus->subscribe("sync.*", [&](const Message& message) {
    EXPECT_TRUE(hub_bus->publish(message.reply, "batch 1"));
    EXPECT_TRUE(hub_bus->publish(message.reply, "batch 2"));
  }));
  ASSERT_TRUE(a.bus->flush(kSoon));
  ASSERT_TRUE(hub_bus->flush(kSoon));

  for (const char* subject : {"desired.eu-1", "poke.eu-1", "ack.eu-1"}) {
    ASSERT_TRUE(hub_bus->publish(subject, subject));
  }
  EXPECT_TRUE(eventually([&] { return heard.size() == 3; }));
  for (const char* subject : {"status.eu-1", "heartbeat.eu-1", "logs.eu-1.7"}) {
    ASSERT_TRUE(a.bus->publish(subject, subject));
  }
  EXPECT_TRUE(eventually([&] { return told.size() == 3; }));
  Inbox batches;
  handles.push_back(*a.bus->request("sync.eu-1", "", batches.handler()));
  EXPECT_TRUE(eventually([&] { return batches.size() == 2; }));
  Inbox answer;
  handles.push_back(*hub_bus->request("command.eu-1", "", answer.handler()));
  EXPECT_TRUE(eventually([&] { return answer.size() == 1; }));
  EXPECT_TRUE(a.errors->empty()) << a.errors->front();
}

TEST_F(BrokerTest, AnAgentReachesNothingElse) {
  start();
  const auto a = connected_agent("a");
  for (const char* subject : {"status.b",
                              "sync.b",
                              "heartbeat.b",
                              "logs.b.1",
                              "logs.a",
                              "desired.a",
                              "desired.b",
                              "poke.a",
                              "poke.b",
                              "ack.b",
                              "command.a",
                              "command.b",
                              "_INBOX.b.x",
                              "_INBOX.a.x",
                              "_INBOX._hub.x.1",
                              "_INBOX._system.x.1",
                              "status",
                              "status.a.b",
                              "anything",
                              "$SYS.REQ.CLAIMS.UPDATE",
                              "$SYS.REQ.SERVER.PING",
                              "$JS.API.INFO"}) {
    ASSERT_TRUE(a.bus->publish(subject, "x"));
    EXPECT_TRUE(eventually([&] { return a.complained_of(fmt::format("Publish to \"{}\"", subject)); }))
        << subject;
  }
  std::vector<std::shared_ptr<void>> handles;
  Inbox heard;
  for (const char* subject : {"desired.b",
                              "desired.*",
                              "desired.>",
                              ">",
                              "*",
                              "*.b",
                              "*.a",
                              "*.*",
                              "poke.b",
                              "poke.*",
                              "ack.b",
                              "ack.*",
                              "command.b",
                              "command.*",
                              "_INBOX.b.>",
                              "_INBOX.>",
                              "_INBOX._hub.>",
                              "_INBOX._system.>",
                              "status.a",
                              "status.b",
                              "sync.a",
                              "sync.*",
                              "heartbeat.*",
                              "logs.>",
                              "logs.b.>",
                              "$SYS.>",
                              "$SYS.ACCOUNT.>"}) {
    handles.push_back(*a.bus->subscribe(subject, heard.handler()));
    EXPECT_TRUE(eventually([&] { return a.complained_of(fmt::format("Subscription to \"{}\"", subject)); }))
        << subject;
  }
  // What it asked for in vain it does not hear either.
  const auto hub_bus = hub();
  for (const char* subject : {"desired.b", "poke.b", "ack.b", "command.b", "_INBOX.b.x"}) {
    ASSERT_TRUE(hub_bus->publish(subject, "for b"));
  }
  ASSERT_TRUE(hub_bus->flush(kSoon));
  ASSERT_TRUE(a.bus->flush(kSoon));
  EXPECT_EQ(heard.size(), 0);
  EXPECT_EQ(a.bus->state(), BusState::kConnected);
}

TEST_F(BrokerTest, AnswersAreLimitedToWhatWasAsked) {
  start();
  const auto hub_bus = hub();
  const auto a = connected_agent("a");
  Inbox asked;
  const auto handle = a.bus->subscribe("command.a", asked.handler());
  ASSERT_TRUE(a.bus->flush(kSoon));
  Inbox answers;
  const auto request = hub_bus->request("command.a", "", answers.handler());
  ASSERT_TRUE(eventually([&] { return asked.size() == 1; }));
  const std::string reply = asked.messages()[0].reply;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(a.bus->publish(reply, std::to_string(i)));
  EXPECT_TRUE(eventually([&] { return a.complained_of("Publish to"); }));
  EXPECT_TRUE(eventually([&] { return answers.size() == 4; }));
  ASSERT_TRUE(a.bus->flush(kSoon));
  ASSERT_TRUE(hub_bus->flush(kSoon));
  EXPECT_EQ(answers.size(), 4);
}

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

TEST_F(BrokerTest, AnEndedConnectionIsToldOf) {
  start();
  std::mutex mutex;
  std::set<std::string> ended;
  const auto heard = broker_->on_connection_ended([&](const std::string& agent) {
    const std::lock_guard lock(mutex);
    ended.insert(agent);
  });
  ASSERT_TRUE(heard) << heard.error().message;
  // It is in force some time after the call: connections come and go until one is heard of.
  EXPECT_TRUE(eventually([&] {
    connected_agent("a").bus.reset();
    const std::lock_guard lock(mutex);
    return ended.contains("a");
  }));
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

TEST_F(BrokerTest, TheServerMustProveItself) {
  start();
  const auto other = *crypto::make_ca("other", std::chrono::hours(1), clock_.wall());
  std::string why;
  const auto refused = [&](const std::function<void(NatsOptions&)>& change) {
    const auto made = agent("a", change);
    bool failed = false;
    std::mutex mutex;
    made.bus->on_state([&](BusState state, const std::string& reason) {
      const std::lock_guard lock(mutex);
      if (state != BusState::kDisconnected) return;
      failed = true;
      why = reason;
    });
    const bool out = eventually([&] {
      const std::lock_guard lock(mutex);
      return failed;
    });
    EXPECT_NE(made.bus->state(), BusState::kConnected);
    made.bus->close();
    return out;
  };
  EXPECT_TRUE(refused([&](NatsOptions& options) { options.tls_ca_pem = other.certificate_pem; }));
  EXPECT_THAT(why, HasSubstr("certificate"));
  EXPECT_TRUE(refused([](NatsOptions& options) { options.tls_ca_pem.clear(); }));
  EXPECT_TRUE(refused([](NatsOptions& options) { options.tls_server_name = "other.example"; }));
}

TEST_F(BrokerTest, WithoutAServerNameTheAddressMustBeInTheCertificate) {
  start();
  const auto by_address = [](NatsOptions& options) { options.tls_server_name.clear(); };
  EXPECT_TRUE(agent("a", by_address).bus->wait_connected(kSoon));
  broker_.reset();
  auto elsewhere = options();
  elsewhere.names.ips = {"192.0.2.1"};
  std::filesystem::remove(folder_ / "broker/tls.crt");
  start(elsewhere);
  EXPECT_TRUE(agent("a").bus->wait_connected(kSoon));
  const auto refused = agent("a", by_address);
  EXPECT_TRUE(eventually([&] { return refused.bus->state() == BusState::kDisconnected; }));
}

TEST_F(BrokerTest, AStrangerIsRefused) {
  start();
  const auto no_identity = agent("a", [](NatsOptions& options) {
    options.user_jwt.clear();
    options.user_seed.clear();
  });
  EXPECT_TRUE(eventually([&] { return no_identity.bus->state() == BusState::kRefused; }));
  // A token of another operator, and one for a key that is not its own.
  test::TempDir elsewhere;
  const auto keys = *BrokerKeys::open(elsewhere / "broker", random_, clock_.wall());
  const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random_);
  const auto foreign = agent("a", [&](NatsOptions& options) {
    options.user_jwt = *keys.mint_agent("a", key.public_key(), clock_.wall());
    options.user_seed = key.seed();
  });
  EXPECT_TRUE(eventually([&] { return foreign.bus->state() == BusState::kRefused; }));
  const auto stolen = agent("a", [&](NatsOptions& options) { options.user_seed = key.seed(); });
  EXPECT_TRUE(eventually([&] { return stolen.bus->state() == BusState::kRefused; }));
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

TEST_F(BrokerTest, EnrolRefusesBadInput) {
  start();
  auto& identities = broker_->identities();
  const auto user = crypto::NKey::generate(crypto::KeyKind::kUser, random_).public_key();
  for (const char* bad : {"", "a.b", "A", "-a", "a-", "a b", "*", ">", "_hub", "{{name()}}"}) {
    EXPECT_EQ(identities.enrol(bad, user).error().code, Code::kInvalid) << bad;
  }
  EXPECT_THAT(identities.enrol("a", "UX").error().message, HasSubstr("public key: not a public nkey"));
  const auto account = crypto::NKey::generate(crypto::KeyKind::kAccount, random_).public_key();
  EXPECT_THAT(identities.enrol("a", account).error().message, HasSubstr("not that of a user"));
  EXPECT_EQ(identities.revoke({"nonsense"}).error().code, Code::kInvalid);
}

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
