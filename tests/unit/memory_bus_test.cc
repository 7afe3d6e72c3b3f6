#include "common/bus/memory_bus.h"

#include "common/bus/subject.h"
#include "tests/support/bus_conformance.h"

namespace qleet {
namespace {

class MemoryHarness final : public testing::BusHarness {
 public:
  std::unique_ptr<Bus> connect(const std::string& name) override {
    names_.push_back(name);
    return broker_.connect(name);
  }
  bool eventually(const std::function<bool()>& condition) override {
    for (int i = 0; i < 3; ++i) {
      if (condition()) return true;
      broker_.pump();
    }
    return condition();
  }
  void settle() override { broker_.pump(); }
  void break_broker() override {
    for (const auto& name : names_) broker_.set_connected(name, false);
  }
  void heal_broker() override {
    for (const auto& name : names_) broker_.set_connected(name, true);
  }

 private:
  ManualClock clock_;
  MemoryBroker broker_{clock_};
  std::vector<std::string> names_;
};

std::unique_ptr<testing::BusHarness> make_harness() { return std::make_unique<MemoryHarness>(); }

}  // namespace

namespace testing {
INSTANTIATE_TEST_SUITE_P(Memory, BusConformance, ::testing::Values(&make_harness));
}  // namespace testing

namespace {

class MemoryBusTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  MemoryBroker broker_{clock_};
  std::unique_ptr<MemoryBus> hub_ = broker_.connect("hub");
  std::unique_ptr<MemoryBus> agent_ = broker_.connect("agent");
  testing::Inbox seen_;
};

TEST_F(MemoryBusTest, NothingMovesByItself) {
  const auto handle = agent_->subscribe("a", seen_.handler());
  ASSERT_TRUE(hub_->publish("a", "1"));
  EXPECT_EQ(seen_.size(), 0);
  EXPECT_EQ(broker_.queued(), 1);
  EXPECT_TRUE(broker_.step());
  EXPECT_EQ(seen_.size(), 1);
  EXPECT_FALSE(broker_.step());
}

TEST_F(MemoryBusTest, LosesDoublesAndDelays) {
  const auto handle = agent_->subscribe("a", seen_.handler());
  broker_.set_fate([](std::string_view from, std::string_view to, const Message& message) {
    EXPECT_EQ(from, "hub");
    EXPECT_EQ(to, "agent");
    if (message.data == "lose") return MemoryBroker::Fate{.copies = 0};
    if (message.data == "double") return MemoryBroker::Fate{.copies = 2};
    return MemoryBroker::Fate{.copies = 1, .delay = Millis(100)};
  });
  for (const char* data : {"delay", "lose", "double"}) ASSERT_TRUE(hub_->publish("a", data));
  EXPECT_EQ(broker_.pump(), 2);
  EXPECT_THAT(seen_.data(), ::testing::ElementsAre("double", "double"));
  EXPECT_EQ(broker_.next_due(), clock_.mono() + Millis(100));
  clock_.advance(Millis(100));
  EXPECT_EQ(broker_.pump(), 1);
  EXPECT_EQ(seen_.data().back(), "delay");
  EXPECT_EQ(broker_.next_due(), std::nullopt);
}

TEST_F(MemoryBusTest, WhatIsOnItsWayToACutOffClientIsLost) {
  const auto handle = agent_->subscribe("a", seen_.handler());
  ASSERT_TRUE(hub_->publish("a", "1"));
  broker_.set_connected("agent", false);
  ASSERT_TRUE(hub_->publish("a", "2"));
  broker_.set_connected("agent", true);
  ASSERT_TRUE(hub_->publish("a", "3"));
  broker_.pump();
  EXPECT_THAT(seen_.data(), ::testing::ElementsAre("3"));
}

TEST_F(MemoryBusTest, AnAnswerForAnEarlierClientOfTheSameNameIsDropped) {
  testing::Inbox asked;
  const auto responder = hub_->subscribe("q", asked.handler());
  auto first = *agent_->request("q", "", seen_.handler());
  broker_.pump();
  first.reset();
  agent_ = broker_.connect("agent");
  const auto second = agent_->request("q", "", seen_.handler());
  ASSERT_TRUE(hub_->publish(asked.messages()[0].reply, "late"));
  broker_.pump();
  EXPECT_EQ(seen_.size(), 0);
}

TEST(Subject, Matches) {
  const struct {
    const char* pattern;
    const char* subject;
    bool matches;
  } table[] = {
      {"a", "a", true},     {"a", "b", false},   {"a.b", "a", false},     {"a", "a.b", false},
      {"a.*", "a.b", true}, {"a.*", "a", false}, {"a.*", "a.b.c", false}, {"a.>", "a.b.c", true},
      {"a.>", "a", false},  {">", "a.b", true},  {"*.b", "a.b", true},    {"a.*.c", "a.b.c", true},
      {"*.*", "a.b", true}, {"*", "a.b", false}, {"ab", "a", false},      {"a.b.>", "a.bb.c", false},
  };
  for (const auto& [pattern, subject, matches] : table) {
    EXPECT_EQ(subject_matches(pattern, subject), matches) << pattern << " " << subject;
  }
  EXPECT_TRUE(is_subject_token("eu-1"));
  EXPECT_FALSE(is_subject_token("eu.1"));
  EXPECT_FALSE(is_subject_token("eu*"));
}

}  // namespace
}  // namespace qleet
