// Who may connect to the broker, and what an agent reaches there.
#include "tests/integration/broker_fixture.h"

namespace qleet::hub {
namespace {

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

}  // namespace
}  // namespace qleet::hub
