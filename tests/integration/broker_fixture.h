// A hub's broker with its nats-server, and agents that connect to it.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hub/broker/broker.h"
#include "tests/support/inbox.h"
#include "tests/support/nats_process.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {

using testing::eventually;
using ::testing::HasSubstr;
using testing::Inbox;

inline constexpr Millis kSoon{15'000};

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
    if (broker_->server() != nullptr) {
      options.tls_key_pem = *crypto::make_client_key();
      options.tls_certificate_pem =
          *broker_->certify(name, *crypto::make_certificate_request(options.tls_key_pem, name));
    }
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

}  // namespace qleet::hub
