// Logs from an agent's reader to whoever asked the hub.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "agent/link/log_server.h"
#include "common/bus/memory_bus.h"
#include "hub/dispatch/log_streams.h"
#include "tests/support/patience.h"

namespace qleet {
namespace {

// Hands on what the test gives it.
class ScriptedReader final : public agent::LogReader {
 public:
  Result<> read(const Request& request,
                const std::function<bool(std::string_view, std::string_view)>& sink) override {
    if (request.resource == "eu.missing") return fail(Code::kNotFound, "no such resource");
    for (std::string data : {"one\n", "two\n"})
      if (!sink("web/0", data)) return {};
    while (request.follow) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(5));
      if (!sink("web/0", "")) return {};
    }
    return {};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class LogStreamsTest : public ::testing::Test {
 protected:
  LogStreamsTest() {
    agent::LogServerOptions options;
    options.agent = "eu";
    options.max_streams = 2;
    server_ = std::make_unique<agent::LogServer>(options, *agent_bus_, clock_, reader_);
    commands_ = *agent_bus_->subscribe("command.eu", [this](const Message& message) {
      wire::v1::LogsRequest request;
      ASSERT_TRUE(request.ParseFromString(message.data));
      ++commands_seen_;
      server_->handle(request);
    });
  }
  std::shared_ptr<void> open(const std::string& resource, bool follow = false) {
    auto handle = streams_.open({.agent = "eu", .resource = resource, .follow = follow},
                                {[this](std::string_view source, std::string_view data) {
                                   seen_ += std::string(source) + "|" + std::string(data);
                                   return wanted_;
                                 },
                                 [this](std::string error) { ended_ = "end:" + error; }});
    EXPECT_TRUE(handle) << handle.error().message;
    return handle ? *handle : nullptr;
  }
  bool until(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + test::patient(std::chrono::seconds(10));
    while (std::chrono::steady_clock::now() < limit) {
      broker_.pump();
      streams_.step();
      server_->reap();
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  ManualClock clock_;
  SeededRandom random_{1};
  MemoryBroker broker_{clock_};
  std::unique_ptr<MemoryBus> hub_bus_ = broker_.connect("hub");
  std::unique_ptr<MemoryBus> agent_bus_ = broker_.connect("eu");
  hub::LogStreams streams_{*hub_bus_, clock_, random_, {.max_streams = 3, .max_streams_per_agent = 3}};
  ScriptedReader reader_;
  std::unique_ptr<agent::LogServer> server_;
  std::shared_ptr<void> commands_;
  int commands_seen_ = 0;
  std::string seen_;
  std::string ended_;
  bool wanted_ = true;
};

TEST_F(LogStreamsTest, WhatIsThereThenTheEnd) {
  const auto handle = open("eu.a");
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(seen_, "web/0|one\nweb/0|two\n");
  EXPECT_EQ(ended_, "end:");
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 0 && server_->streams() == 0; }));
}

TEST_F(LogStreamsTest, AnErrorOfTheAgentIsPassedOn) {
  const auto handle = open("eu.missing");
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(ended_, "end:no such resource");
}

TEST_F(LogStreamsTest, DestroyingTheHandleEndsBothSides) {
  auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_.size() >= 18; }));
  handle.reset();
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 0 && server_->streams() == 0; }));
  EXPECT_EQ(ended_, "");
}

TEST_F(LogStreamsTest, ASinkThatWantsNoMoreEndsBothSides) {
  wanted_ = false;
  const auto handle = open("eu.a", true);
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 0 && server_->streams() == 0; }));
  EXPECT_EQ(seen_, "web/0|one\n");
}

TEST_F(LogStreamsTest, AnAgentThatIsAwayIsSaidSo) {
  broker_.set_connected("eu", false);
  const auto handle = open("eu.a");
  broker_.pump();
  clock_.advance(Millis(5'001));
  streams_.step();
  EXPECT_EQ(ended_, "end:agent eu does not answer");
  EXPECT_EQ(streams_.open_streams(), 0U);
}

TEST_F(LogStreamsTest, SignsOfLifeAndRenewalsKeepAQuietStream) {
  const auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_.size() >= 18; }));
  const auto chunks = std::make_shared<std::atomic<int>>(0);
  broker_.set_fate([chunks](auto, auto, const Message& message) {
    if (message.subject.starts_with("logs")) ++*chunks;
    return MemoryBroker::Fate{};
  });
  for (int i = 0; i < 30; ++i) {
    clock_.advance(Millis(10'000));
    ASSERT_TRUE(until([&, before = chunks->load()] { return *chunks > before; }));
  }
  EXPECT_EQ(ended_, "");
  EXPECT_EQ(server_->streams(), 1U);
  EXPECT_GE(commands_seen_, 10);
}

TEST_F(LogStreamsTest, AStreamWhoseHubHasGoneEndsWithItsLease) {
  const auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_.size() >= 18; }));
  broker_.set_connected("hub", false);
  clock_.advance(Millis(60'001));
  EXPECT_TRUE(until([&] { return server_->streams() == 0; }));
}

TEST_F(LogStreamsTest, LostPiecesAreShown) {
  broker_.set_fate([n = 0](auto, auto, const Message& message) mutable {
    return MemoryBroker::Fate{.copies = message.subject.starts_with("logs") && ++n == 1 ? 0 : 1};
  });
  const auto handle = open("eu.a");
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(seen_, "web/0|[1 pieces of this log were lost on the way]\nweb/0|two\n");
}

TEST_F(LogStreamsTest, NumbersAreBounded) {
  const auto a = open("eu.a", true);
  const auto b = open("eu.a", true);
  const auto c = open("eu.a", true);
  const auto fourth =
      streams_.open({.agent = "eu", .resource = "eu.a"}, {[](auto, auto) { return true; }, {}});
  EXPECT_EQ(fourth.error().code, Code::kExhausted);
  // The agent takes two.
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(ended_, "end:this agent streams as many logs as it may; close one and try again");
}

TEST_F(LogStreamsTest, ARequestForAnothersSubjectIsIgnored) {
  wire::v1::LogsRequest request;
  request.set_resource("eu.a");
  request.set_reply_subject("logs.us.1");
  server_->handle(request);
  EXPECT_EQ(server_->streams(), 0U);
}

}  // namespace
}  // namespace qleet
