// What every Bus does, whatever carries it. An implementation's test gives a harness and instantiates the
// suite: INSTANTIATE_TEST_SUITE_P(Memory, BusConformance, ::testing::Values(make_memory_harness)).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/bus/bus.h"
#include "tests/support/inbox.h"

namespace qleet::testing {

class BusHarness {
 public:
  virtual ~BusHarness() = default;
  // A connected client of the same broker.
  virtual std::unique_ptr<Bus> connect(const std::string& name) = 0;
  // Lets messages move until `condition` holds; false if it does not within reason.
  virtual bool eventually(const std::function<bool()>& condition) = 0;
  // Until all that has been published has arrived where it should.
  virtual void settle() = 0;
  // The broker goes away for every client, and comes back.
  virtual void break_broker() = 0;
  virtual void heal_broker() = 0;
};

using MakeBusHarness = std::unique_ptr<BusHarness> (*)();

class BusConformance : public ::testing::TestWithParam<MakeBusHarness> {
 protected:
  std::unique_ptr<BusHarness> harness_ = GetParam()();
  std::unique_ptr<Bus> alice_ = harness_->connect("alice");
  std::unique_ptr<Bus> bob_ = harness_->connect("bob");
  Inbox seen_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusConformance);

TEST_P(BusConformance, DeliversBytesAsTheyAre) {
  const auto handle = bob_->subscribe("a.b", seen_.handler());
  ASSERT_TRUE(handle);
  harness_->settle();
  const std::string data("\0\xff\r\n", 4);
  ASSERT_TRUE(alice_->publish("a.b", data));
  ASSERT_TRUE(alice_->publish("a.b", ""));
  ASSERT_TRUE(alice_->publish("a.c", "not for bob"));
  ASSERT_TRUE(harness_->eventually([&] { return seen_.size() >= 2; }));
  harness_->settle();
  ASSERT_EQ(seen_.size(), 2);
  EXPECT_EQ(seen_.messages()[0].subject, "a.b");
  EXPECT_EQ(seen_.messages()[0].reply, "");
  EXPECT_EQ(seen_.messages()[0].data, data);
  EXPECT_EQ(seen_.messages()[1].data, "");
}

TEST_P(BusConformance, PatternsAndSeveralSubscribers) {
  Inbox one_token;
  Inbox rest;
  const auto first = bob_->subscribe("status.*", one_token.handler());
  const auto second = bob_->subscribe("logs.>", rest.handler());
  const auto third = alice_->subscribe("status.x", seen_.handler());
  harness_->settle();
  for (const char* subject : {"status.x", "status.y", "status.x.z", "logs.x", "logs.x.1"}) {
    ASSERT_TRUE(alice_->publish(subject, subject));
  }
  ASSERT_TRUE(
      harness_->eventually([&] { return one_token.size() >= 2 && rest.size() >= 2 && seen_.size() >= 1; }));
  harness_->settle();
  EXPECT_THAT(one_token.data(), ::testing::ElementsAre("status.x", "status.y"));
  EXPECT_THAT(rest.data(), ::testing::ElementsAre("logs.x", "logs.x.1"));
  EXPECT_THAT(seen_.data(), ::testing::ElementsAre("status.x"));
}

TEST_P(BusConformance, OneSenderOneSubjectKeepsItsOrder) {
  const auto handle = bob_->subscribe("n", seen_.handler());
  harness_->settle();
  std::vector<std::string> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(std::to_string(i));
    ASSERT_TRUE(alice_->publish("n", sent.back()));
  }
  ASSERT_TRUE(harness_->eventually([&] { return seen_.size() >= sent.size(); }));
  EXPECT_EQ(seen_.data(), sent);
}

TEST_P(BusConformance, NothingAfterTheHandleIsGone) {
  auto handle = bob_->subscribe("a", seen_.handler());
  harness_->settle();
  ASSERT_TRUE(alice_->publish("a", "1"));
  ASSERT_TRUE(harness_->eventually([&] { return seen_.size() == 1; }));
  ASSERT_TRUE(alice_->publish("a", "2"));
  handle->reset();
  const auto before = seen_.size();
  harness_->settle();
  ASSERT_TRUE(alice_->publish("a", "3"));
  harness_->settle();
  EXPECT_EQ(seen_.size(), before);
}

TEST_P(BusConformance, AHandlerMayEndItsOwnSubscription) {
  std::shared_ptr<void> handle;
  std::mutex mutex;
  int calls = 0;
  {
    const std::lock_guard lock(mutex);
    handle = *bob_->subscribe("a", [&](const Message&) {
      const std::lock_guard inner(mutex);
      ++calls;
      handle.reset();
    });
  }
  harness_->settle();
  ASSERT_TRUE(alice_->publish("a", "1"));
  ASSERT_TRUE(alice_->publish("a", "2"));
  ASSERT_TRUE(harness_->eventually([&] {
    const std::lock_guard lock(mutex);
    return calls > 0;
  }));
  harness_->settle();
  const std::lock_guard lock(mutex);
  EXPECT_EQ(calls, 1);
}

TEST_P(BusConformance, ARequestSeesEveryAnswer) {
  const auto responder = bob_->subscribe("sync.alice", [&](const Message& message) {
    EXPECT_EQ(message.data, "what is new?");
    EXPECT_NE(message.reply, "");
    for (const char* part : {"one", "two", "three"}) EXPECT_TRUE(bob_->publish(message.reply, part));
  });
  harness_->settle();
  const auto handle = alice_->request("sync.alice", "what is new?", seen_.handler());
  ASSERT_TRUE(handle);
  ASSERT_TRUE(harness_->eventually([&] { return seen_.size() >= 3; }));
  EXPECT_THAT(seen_.data(), ::testing::ElementsAre("one", "two", "three"));
}

TEST_P(BusConformance, AnswersAfterTheRequestIsGivenUpAreDropped) {
  Inbox asked;
  const auto responder = bob_->subscribe("q", asked.handler());
  harness_->settle();
  auto handle = alice_->request("q", "", seen_.handler());
  ASSERT_TRUE(harness_->eventually([&] { return asked.size() == 1; }));
  handle->reset();
  ASSERT_TRUE(bob_->publish(asked.messages()[0].reply, "too late"));
  harness_->settle();
  EXPECT_EQ(seen_.size(), 0);
}

TEST_P(BusConformance, ARequestThatNobodyHearsIsSilent) {
  const auto handle = alice_->request("nobody.there", "hello", seen_.handler());
  ASSERT_TRUE(handle);
  harness_->settle();
  EXPECT_EQ(seen_.size(), 0);
}

TEST_P(BusConformance, RequestsDoNotMixUpTheirAnswers) {
  const auto responder = bob_->subscribe(
      "echo", [&](const Message& message) { EXPECT_TRUE(bob_->publish(message.reply, message.data)); });
  harness_->settle();
  std::vector<Inbox> inboxes(20);
  std::vector<std::shared_ptr<void>> handles;
  for (std::size_t i = 0; i < inboxes.size(); ++i) {
    handles.push_back(*alice_->request("echo", std::to_string(i), inboxes[i].handler()));
  }
  ASSERT_TRUE(harness_->eventually(
      [&] { return std::ranges::all_of(inboxes, [](const Inbox& inbox) { return inbox.size() == 1; }); }));
  for (std::size_t i = 0; i < inboxes.size(); ++i) {
    EXPECT_THAT(inboxes[i].data(), ::testing::ElementsAre(std::to_string(i)));
  }
}

TEST_P(BusConformance, RefusesWhatIsNotASubject) {
  for (const char* bad : {"", ".", "a.", ".a", "a b", "a.*", "a.>", "a\r\nPUB x 0"}) {
    EXPECT_EQ(alice_->publish(bad, "").error().code, Code::kInvalid) << bad;
    EXPECT_FALSE(alice_->request(bad, "", seen_.handler())) << bad;
  }
  for (const char* bad : {"", "a b", ">.a", "a.>.b", "a*"}) {
    EXPECT_EQ(alice_->subscribe(bad, seen_.handler()).error().code, Code::kInvalid) << bad;
  }
}

TEST_P(BusConformance, RefusesWhatIsTooLarge) {
  EXPECT_EQ(alice_->publish("a", std::string((1U << 20U) + 1, 'x')).error().code, Code::kTooLarge);
}

TEST_P(BusConformance, TellsTheStateAtOnce) {
  std::vector<BusState> states;
  alice_->on_state([&](BusState state, const std::string&) { states.push_back(state); });
  EXPECT_THAT(states, ::testing::ElementsAre(BusState::kConnected));
}

TEST_P(BusConformance, SurvivesABrokerThatGoesAndComesBack) {
  std::mutex mutex;
  std::vector<BusState> states;
  const auto last_is = [&](BusState state) {
    const std::lock_guard lock(mutex);
    return !states.empty() && states.back() == state;
  };
  alice_->on_state([&](BusState state, const std::string&) {
    const std::lock_guard lock(mutex);
    states.push_back(state);
  });
  const auto handle = bob_->subscribe("a", seen_.handler());
  harness_->settle();
  harness_->break_broker();
  ASSERT_TRUE(harness_->eventually([&] { return last_is(BusState::kDisconnected); }));
  EXPECT_EQ(alice_->publish("a", "lost").error().code, Code::kUnavailable);
  EXPECT_EQ(alice_->request("a", "lost", seen_.handler()).error().code, Code::kUnavailable);
  Inbox later;
  const auto made_meanwhile = bob_->subscribe("b", later.handler());
  ASSERT_TRUE(made_meanwhile);
  harness_->heal_broker();
  ASSERT_TRUE(harness_->eventually([&] { return last_is(BusState::kConnected); }));
  // Bob may come back after alice: what is sent before is lost, as on any such bus.
  ASSERT_TRUE(harness_->eventually([&] {
    return alice_->publish("a", "again") && alice_->publish("b", "more") && seen_.size() > 0 &&
           later.size() > 0;
  }));
  EXPECT_THAT(seen_.data(), ::testing::Each("again"));
}

}  // namespace qleet::testing
