// The port of the nats-server that the hub runs, besieged: connections that come to nothing hold no agent up,
// and end by themselves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "common/bus/light_nats_bus.h"
#include "common/crypto/private_file.h"
#include "hub/broker/broker.h"
#include "hub/broker/server_log.h"
#include "tests/support/besiegers.h"
#include "tests/support/inbox.h"
#include "tests/support/nats_process.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {
namespace {

using testing::Besiegers;
using testing::eventually;
using Clock = std::chrono::steady_clock;

constexpr Millis kSoon{15'000};

Millis since(Clock::time_point begin) { return std::chrono::duration_cast<Millis>(Clock::now() - begin); }

class Siege : public ::testing::Test {
 protected:
  void SetUp() override {
    auto broker = Broker::start({.folder = folder_ / "broker",
                                 .host = "127.0.0.1",
                                 .ca = ca_,
                                 .names = {{}, {"127.0.0.1"}},
                                 .tls_timeout = Millis(8'000),
                                 .auth_timeout = Millis(8'000),
                                 .log_bytes = 1 << 20},
                                random_, clock_);
    ASSERT_TRUE(broker) << broker.error().message;
    broker_ = *std::move(broker);
    hub_ = *LightNatsBus::start(*broker_->hub_options(), io_.loop());
    ASSERT_TRUE(hub_->wait_connected(kSoon));
    heard_handle_ = *hub_->subscribe("status.*", heard_.handler());
    ASSERT_TRUE(hub_->flush(kSoon));
    // With a certificate, without which none of them gets beyond TLS.
    const auto shown = agent_options("besieger");
    trust_ = *TlsTrust::make(broker_->tls_ca_pem(), {shown.tls_certificate_pem, shown.tls_key_pem});
  }

  // As a real one, with a key of its own.
  NatsOptions agent_options(const std::string& name) {
    const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random_);
    key_of_[name] = key.public_key();
    NatsOptions options = small_nats_options();
    options.urls = {fmt::format("tls://127.0.0.1:{}", broker_->port())};
    options.name = name;
    options.tls_ca_pem = broker_->tls_ca_pem();
    options.tls_server_name = broker_->tls_server_name();
    options.tls_key_pem = *crypto::make_client_key();
    options.tls_certificate_pem =
        *broker_->certify(name, *crypto::make_certificate_request(options.tls_key_pem, name));
    options.user_jwt = *broker_->identities().enrol(name, key.public_key());
    options.user_seed = key.seed();
    return options;
  }
  std::unique_ptr<LightNatsBus> agent(const std::string& name) {
    return *LightNatsBus::start(agent_options(name), io_.loop());
  }

  // From an agent to the hub.
  Millis message_time(LightNatsBus& from, const std::string& name) {
    const auto before = heard_.size();
    const auto begin = Clock::now();
    EXPECT_TRUE(from.publish("status." + name, "x"));
    EXPECT_TRUE(eventually([&] { return heard_.size() > before; }));
    return since(begin);
  }

  std::string log_text() const {
    std::ifstream file(folder_ / "broker/nats.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::uintmax_t log_bytes() const {
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "broker")) {
      std::error_code gone;
      if (!entry.path().filename().string().starts_with("nats.log")) continue;
      if (const auto size = entry.file_size(gone); !gone) sum += size;
    }
    return sum;
  }
  long server_kib() const {
    std::ifstream status(fmt::format("/proc/{}/status", broker_->server()->pid()));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return 0;
  }

  test::TempDir folder_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  crypto::CertifiedKey ca_ = *crypto::make_ca("test", std::chrono::hours(24 * 365), clock_.wall());
  std::unique_ptr<Broker> broker_;
  std::map<std::string, std::string> key_of_;  // by agent
  IoThread io_{clock_};
  testing::Inbox heard_;
  std::unique_ptr<LightNatsBus> hub_;
  std::shared_ptr<void> heard_handle_;
  std::shared_ptr<const TlsTrust> trust_;
};

TEST_F(Siege, ConnectionsThatComeToNothingHoldNobodyUpAndEnd) {
  constexpr int kEach = 334;
  auto inside = agent("inside");
  ASSERT_TRUE(inside->wait_connected(kSoon));
  std::atomic<int> changes = -1;  // it is told the state at once
  inside->on_state([&](BusState, const std::string&) { ++changes; });
  const auto idle_kib = server_kib();

  const auto begin = Clock::now();
  Besiegers besiegers(broker_->port(), *trust_, broker_->tls_server_name());
  Millis slowest{0};
  for (int i = 0; i < kEach; ++i) {
    for (const auto how : Besiegers::kAll) ASSERT_TRUE(besiegers.add(how)) << i;
    if (i % 20 == 0) slowest = std::max(slowest, message_time(*inside, "inside"));
  }
  const auto stay = besiegers.left();
  EXPECT_GE(stay, std::size_t{kEach}) << "who says nothing is given some time";
  RecordProperty("made_ms", std::to_string(since(begin).count()));
  RecordProperty("nats_server_more_kib", std::to_string(server_kib() - idle_kib));

  // In the midst of it.
  const auto enrolled = Clock::now();
  auto newcomer = agent("newcomer");
  EXPECT_TRUE(newcomer->wait_connected(kSoon));
  RecordProperty("newcomer_ms", std::to_string(since(enrolled).count()));
  for (int i = 0; i < 20; ++i) slowest = std::max(slowest, message_time(*newcomer, "newcomer"));
  RecordProperty("slowest_message_ms", std::to_string(slowest.count()));
  EXPECT_LT(slowest, test::patient(Millis(2'000)));

  EXPECT_TRUE(eventually([&] { return besiegers.left() == 0; }, std::chrono::seconds(60)));
  RecordProperty("all_gone_ms", std::to_string(since(begin).count()));
  EXPECT_EQ(changes, 0) << "who was connected stays so";
  EXPECT_EQ(newcomer->state(), BusState::kConnected);
  EXPECT_LT(log_bytes(), 8U << 20U);
}

// All places taken, as far as the server has files: it still stores a revocation, and gives the places back.
TEST_F(Siege, ThereAreFilesLeftForWhatTheServerMustStore) {
  const auto text = *crypto::read_private_file(folder_ / "broker/nats.conf");
  const auto at = text.find("max_connections: ");
  ASSERT_NE(at, std::string::npos);
  std::ifstream limits(fmt::format("/proc/{}/limits", broker_->server()->pid()));
  long files = 0;
  for (std::string line; std::getline(limits, line);)
    if (line.starts_with("Max open files")) files = std::stol(line.substr(26));
  ASSERT_GT(files, 0);
  EXPECT_LE(std::stol(text.substr(at + 17)), files - 200);
}

// Each refusal is a line in the server's log.
TEST_F(Siege, WhoIsRefusedAgainAndAgainDoesNotFillTheDisk) {
  auto options = agent_options("talker");
  options.on_error = [](const std::string&) {};
  auto talker = *LightNatsBus::start(std::move(options), io_.loop());
  auto other = agent("other");
  ASSERT_TRUE(talker->wait_connected(kSoon));
  ASSERT_TRUE(other->wait_connected(kSoon));
  std::mutex mutex;
  std::map<std::string, std::uint64_t> told;
  const auto handle = broker_->server()->on_refused([&](const std::string& key, std::uint64_t per_second) {
    const std::lock_guard lock(mutex);
    told[key] = std::max(told[key], per_second);
  });
  std::uintmax_t most = 0;
  std::uint64_t said = 0;
  Millis slowest{0};
  const auto begin = Clock::now();
  while (said < 100'000) {
    ASSERT_LT(since(begin), test::patient(Millis(60'000)));
    for (int i = 0; i < 2'000; ++i) said += talker->publish("status.other", "x").has_value() ? 1U : 0U;
    (void)talker->flush(Millis(5'000));
    most = std::max(most, log_bytes());
    slowest = std::max(slowest, message_time(*other, "other"));
  }
  RecordProperty("refused_messages", std::to_string(said));
  RecordProperty("log_bytes_at_most", std::to_string(most));
  RecordProperty("slowest_message_of_another_ms", std::to_string(slowest.count()));
  // Some 200 bytes each, so 20 MB: one part that is being written, two kept, and what came before the hub saw
  // it.
  EXPECT_LT(most, 8U << 20U);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return told.contains(key_of_["talker"]) && told[key_of_["talker"]] > 1'000;
  })) << "and the hub hears who it is";
  EXPECT_EQ(told.size(), 1U);
}

TEST(ServerLog, TellsWhomTheServerRefusedHowOften) {
  const auto line = [](int micros, const std::string& rest) {
    return fmt::format("[7] 2026/11/23 21:31:0{}.{:06} [ERR] 127.0.0.1:1 - cid:9 - {}\n", micros / 1'000'000,
                       micros % 1'000'000, rest);
  };
  std::string log = "[7] 2026/11/23 21:31:00.000000 [INF] Server is ready\nnot a line of its\n";
  for (int i = 0; i < 400; ++i)
    log += line(i * 10'000, R"("v0:qleet:a" - Publish Violation - JWT User "UAAA", Subject "status.b")");
  log += line(4'000'000, R"("v0:qleet:b" - Subscription Violation - JWT User "UBBB", Subject ">", SID 1)");
  for (int i = 0; i < 100; ++i)
    log += line(
        4'000'000,
        R"("v0:x\" - Publish Violation - JWT User \"UVICTIM\"" - Publish Violation - JWT User "UCCC", Subject "x")");
  const auto read = [](const std::string& text) {
    std::istringstream in(text);
    return refusals_per_second(in);
  };
  const auto told = read(log);
  EXPECT_EQ(told.size(), 3U);
  EXPECT_EQ(told.at("UAAA"), 100U);
  EXPECT_EQ(told.at("UBBB"), 0U);
  EXPECT_EQ(told.at("UCCC"), 25U);
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read("[").empty());
  EXPECT_TRUE(read("[1] 2026/11/23 21:31:00").empty());
}

TEST(ServerLog, TellsTheLastWordsOfAServerThatHasEnded) {
  const auto read = [](const std::string& text) {
    std::istringstream in(text);
    return last_words(in);
  };
  const std::string start = "[7] 2026/11/23 21:31:00.000000 [INF] Starting nats-server\n";
  const std::string panic =
      "panic: ed25519: bad public key length: 4\n\ngoroutine 31 [running]:\nmain.main()\n";
  EXPECT_EQ(read(""), "it left no reason");
  EXPECT_EQ(read(start + panic), "panic: ed25519: bad public key length: 4");
  EXPECT_EQ(read(start + panic + start), "it left no reason") << "the one before it said that";
  EXPECT_EQ(read(start + "[7] 2026/11/23 21:31:00.000000 [FTL] no port\n"),
            "[7] 2026/11/23 21:31:00.000000 [FTL] no port");
}

}  // namespace
}  // namespace qleet::hub
