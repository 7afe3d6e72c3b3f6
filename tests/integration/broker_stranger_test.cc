// Strangers at the broker's port: nothing that they say is read. And an agent that turns hostile: what it can
// break is made whole again.
#include <signal.h>

#include <fstream>
#include <iterator>

#include "hub/broker/advisories.h"
#include "tests/integration/broker_fixture.h"
#include "tests/support/nats_stranger.h"

namespace qleet::hub {
namespace {

using testing::NatsStranger;
using testing::token_with_a_truncated_issuer;

// What is logged from here on.
class LogCapture {
 public:
  LogCapture() { ::testing::internal::CaptureStderr(); }
  ~LogCapture() { text(); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  const std::string& text() {
    if (std::exchange(open_, false)) text_ = ::testing::internal::GetCapturedStderr();
    return text_;
  }

 private:
  bool open_ = true;
  std::string text_;
};

class StrangerTest : public BrokerTest {
 protected:
  // Of this CA, as it is to be shown at this time.
  TlsClient client_of(const crypto::CertifiedKey& ca, WallTime made,
                      Millis lifetime = std::chrono::days(1)) const {
    TlsClient client;
    client.key_pem = *crypto::make_client_key();
    client.certificate_pem = *crypto::make_client_certificate(
        ca, *crypto::make_certificate_request(client.key_pem, "x"), "x", lifetime, made);
    return client;
  }
  NatsStranger stranger(const TlsClient& client) const {
    return {broker_->port(), broker_->tls_ca_pem(), broker_->tls_server_name(), client};
  }
  // Whether the server has read anything of what it said.
  static bool was_heard(NatsStranger& stranger) { return !stranger.say_hello_with("not.a.token").empty(); }
  // Ours fall to the attack; one that does not shows nothing here.
  bool vulnerable() const { return !advisories_of(broker_->server()->version()).empty(); }
};

TEST_F(StrangerTest, WithoutAGoodCertificateNothingIsRead) {
  start();
  const pid_t before = broker_->server()->pid();
  const auto now = clock_.wall();
  const auto other_ca = *crypto::make_ca("test", std::chrono::days(365), now);
  const auto server = *crypto::make_server_certificate(ca_, {{"hub.example"}, {}}, std::chrono::days(1), now);
  const auto self_signed = *crypto::make_ca("x", std::chrono::days(1), now);
  const std::pair<const char*, TlsClient> strangers[] = {
      {"none", {}},
      {"self-signed", {self_signed.certificate_pem, self_signed.private_key_pem}},
      {"of another CA of the same name", client_of(other_ca, now)},
      {"expired", client_of(ca_, now - std::chrono::days(3))},
      {"not valid yet", client_of(ca_, now + std::chrono::days(3))},
      {"a server's", {server.certificate_pem, server.private_key_pem}},
  };
  for (const auto& [what, client] : strangers) {
    auto one = stranger(client);
    EXPECT_FALSE(was_heard(one)) << what;
    EXPECT_FALSE(one.error().empty()) << what;
    auto attacker = stranger(client);
    attacker.say_hello_with(token_with_a_truncated_issuer());
  }
  auto good = stranger(client_of(ca_, now));
  EXPECT_TRUE(was_heard(good)) << "so that the others were refused for what they showed";
  EXPECT_TRUE(connected_agent("a").bus->publish("status.a", ""));
  EXPECT_EQ(broker_->server()->pid(), before);
}

// What anybody could do before certificates were asked for, and an enrolled agent still can.
TEST_F(StrangerTest, AHostileAgentBringsTheServerDownAndItComesBackByItself) {
  LogCapture log;
  start();
  if (!vulnerable()) GTEST_SKIP() << "this nats-server does not fall to it";
  const auto hub_bus = hub();
  auto a = connected_agent("a");
  Inbox heard;
  const auto handle = a.bus->subscribe("desired.a", heard.handler());
  for (int round = 0; round < 2; ++round) {
    const pid_t before = broker_->server()->pid();
    auto hostile = stranger(client_of(ca_, clock_.wall()));
    ASSERT_TRUE(hostile.connected()) << hostile.error();
    hostile.say_hello_with(token_with_a_truncated_issuer());
    ASSERT_TRUE(eventually([&] { return broker_->server()->pid() != before; }));
    const auto seen = heard.size();
    EXPECT_TRUE(eventually([&] { return hub_bus->publish("desired.a", "x") && heard.size() > seen; }));
  }
  EXPECT_THAT(log.text(), HasSubstr("brought down by a fault of its own"));
  EXPECT_THAT(log.text(), HasSubstr("panic: "));
}

TEST_F(StrangerTest, WithoutCertificatesAnybodyBringsItDown) {
  LogCapture log;
  auto open = options();
  open.client_certificates = false;
  start(open);
  if (!vulnerable()) GTEST_SKIP() << "this nats-server does not fall to it";
  const pid_t before = broker_->server()->pid();
  stranger({}).say_hello_with(token_with_a_truncated_issuer());
  ASSERT_TRUE(eventually([&] { return broker_->server()->pid() != before; }));
  EXPECT_THAT(log.text(), HasSubstr("Anybody who reaches its port"));
}

// As in a fleet that began without: nobody who is there is cut off.
TEST_F(StrangerTest, CertificatesAreRequiredFromAMomentOnAndConnectionsStay) {
  auto open = options();
  open.client_certificates = false;
  start(open);
  const auto without = [](NatsOptions& options) {
    options.tls_certificate_pem.clear();
    options.tls_key_pem.clear();
  };
  auto old_one = agent("old", without);
  ASSERT_TRUE(old_one.bus->wait_connected(kSoon));
  auto new_one = connected_agent("new");
  const pid_t before = broker_->server()->pid();

  ASSERT_TRUE(broker_->require_client_certificates());
  EXPECT_TRUE(broker_->client_certificates_required());
  // The server reads it again in a moment.
  EXPECT_TRUE(eventually([&] {
    auto one = stranger({});
    return !was_heard(one);
  }));
  EXPECT_EQ(broker_->server()->pid(), before);
  EXPECT_EQ(old_one.bus->state(), BusState::kConnected);
  EXPECT_EQ(new_one.bus->state(), BusState::kConnected);
  auto late = agent("late", without);
  EXPECT_TRUE(eventually([&] { return late.bus->state() == BusState::kRefused; }))
      << "and is told so, so that it asks for one";
  EXPECT_TRUE(connected_agent("other").bus->publish("status.other", ""));

  // The next start of the server is the same.
  kill(before, SIGKILL);
  ASSERT_TRUE(eventually([&] { return broker_->server()->pid() != before; }));
  EXPECT_TRUE(new_one.bus->wait_connected(kSoon));
  auto one = stranger({});
  EXPECT_FALSE(was_heard(one));
}

// One that is shown the next certificate by whoever replaces it, without a new bus.
TEST_F(StrangerTest, AReplacedCertificateIsShownByTheNextConnection) {
  start();
  const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random_);
  TestAgent made;
  made.jwt = *broker_->identities().enrol("a", key.public_key());
  auto options = agent_options(made, "a", key);
  const auto trust = *TlsTrust::make(broker_->tls_ca_pem());
  const auto bus = *LightNatsBus::start(options, io_.loop(), trust);
  ASSERT_TRUE(eventually([&] { return bus->state() == BusState::kRefused; }));
  EXPECT_FALSE(trust->replace(broker_->tls_ca_pem(), {options.tls_certificate_pem, "nonsense"}));
  ASSERT_TRUE(trust->replace(broker_->tls_ca_pem(), {options.tls_certificate_pem, options.tls_key_pem}));
  EXPECT_TRUE(bus->wait_connected(kSoon));
}

TEST(Advisories, StandForTheVersionsThatTheyConcern) {
  for (const char* version :
       {"2.9.10", "2.10.29", "2.11.16", "2.12.0", "2.12.9", "v2.12.9", "2.14.0", "2.14.1", "2.14.0-RC.1"})
    EXPECT_EQ(advisories_of(version).size(), 1U) << version;
  for (const char* version : {"2.12.10", "2.12.11", "2.14.2", "2.15.0", "3.0.0"})
    EXPECT_TRUE(advisories_of(version).empty()) << version;
  EXPECT_EQ(advisories_of("2.9.10").front().id, "2026-23");
  for (const char* version : {"", "two", "2.9", "2.x.1"}) EXPECT_FALSE(known_version(version)) << version;
}

}  // namespace
}  // namespace qleet::hub
