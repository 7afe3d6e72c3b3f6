#include "agent/link/report_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random/random.h"

namespace qleet::agent {
namespace {

// Reports as the engine would show them; confirmations are only counted.
class Board final : public Reports {
 public:
  void say(const std::string& name, const std::string& state) {
    auto& report = reports_[name];
    report.set_name(name);
    report.set_state(state);
    report.set_version(report.version() + 1);
  }
  void on_change(std::function<void(const std::string&)>) override {}
  std::vector<std::string> unconfirmed() override { return {}; }
  std::optional<wire::v1::ResourceReport> report(const std::string& name) override { return reports_[name]; }
  Result<> confirm(const std::vector<ReportVersion>&) override { return {}; }
  Result<> unconfirm_all() override { return {}; }
  std::vector<wire::v1::EventReport> events(size_t) override { return {}; }
  Result<> confirm_events(const std::vector<std::string>&) override { return {}; }

 private:
  std::map<std::string, wire::v1::ResourceReport> reports_;
};

class ReportSenderTest : public testing::Test {
 protected:
  ReportSenderTest() { step(); }

  void say(const std::string& name, const std::string& state) {
    board_.say(name, state);
    sender_.changed(name, now_);
    step();
  }
  void step() { due_ = sender_.step({"epoch", 1}, now_); }
  void pass(int ms) {
    now_ += Millis(ms);
    step();
  }
  void confirm_all() {
    for (; confirmed_ < sent_.size(); ++confirmed_) sender_.confirm(sent_[confirmed_].sequence(), now_);
    step();
  }
  std::vector<std::string> names(size_t bundle) const {
    std::vector<std::string> out;
    for (const auto& report : sent_.at(bundle).resources()) out.push_back(report.name());
    return out;
  }

  MonoTime now_{Millis(1'000)};
  MonoTime due_{};
  Board board_;
  SeededRandom random_{1};
  std::vector<wire::v1::StatusReport> sent_;
  size_t confirmed_ = 0;
  ReportSender sender_{{.boot_id = "b"},
                       [this](const wire::v1::StatusReport& report) -> Result<> {
                         sent_.push_back(report);
                         return {};
                       },
                       random_,
                       board_};
};

TEST_F(ReportSenderTest, NewsGoAtOnceWhileNothingIsUnderWay) {
  say("a", "Ready");
  ASSERT_EQ(sent_.size(), 1U);
  confirm_all();
  say("b", "Stalled");
  EXPECT_EQ(sent_.size(), 2U) << "the hub has the first: no reason to wait";
}

TEST_F(ReportSenderTest, WhatComesBeforeTheConfirmationGoesTogetherAfterIt) {
  say("a", "Ready");
  say("b", "Ready");
  say("c", "Ready");
  EXPECT_EQ(sent_.size(), 1U);
  EXPECT_EQ(due_, now_ + Millis(10)) << "a slow hub is not waited for any longer";
  confirm_all();
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_THAT(names(1), testing::ElementsAre("b", "c"));
}

TEST_F(ReportSenderTest, ASlowConfirmationIsWaitedForABoundedTimeAndWindow) {
  for (int i = 0; i < 20; ++i) {
    say("r" + std::to_string(i), "Ready");
    pass(10);
  }
  EXPECT_EQ(sent_.size(), 4U) << "the window";
  confirm_all();
  EXPECT_EQ(sent_.size(), 5U);
  EXPECT_EQ(names(4).size(), 16U);
}

TEST_F(ReportSenderTest, AStateThatIsOvertakenAtOnceIsNotSent) {
  say("a", "Progressing");
  EXPECT_TRUE(sent_.empty());
  pass(3);
  say("a", "Ready");
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].resources(0).state(), "Ready");
  confirm_all();
  pass(1'000);
  EXPECT_EQ(sent_.size(), 1U);
  EXPECT_TRUE(sender_.idle());
}

TEST_F(ReportSenderTest, AStateThatLastsIsSentSoon) {
  say("a", "Progressing");
  EXPECT_EQ(due_, now_ + Millis(20));
  pass(20);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].resources(0).state(), "Progressing");
}

TEST_F(ReportSenderTest, NewsTakeAlongWhatLingers) {
  say("a", "Pending");
  say("b", "Ready");
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_THAT(names(0), testing::ElementsAre("a", "b"));
}

TEST_F(ReportSenderTest, NothingToSayMeansNothingToDo) {
  EXPECT_EQ(due_, MonoTime::max());
  say("a", "Ready");
  confirm_all();
  EXPECT_EQ(due_, MonoTime::max());
}

}  // namespace
}  // namespace qleet::agent
