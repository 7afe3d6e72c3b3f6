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

// Says two lines of each of two seconds, then, followed, what the test gives it.
class ScriptedReader final : public agent::LogReader {
 public:
  Result<> read(const Request& request, const std::function<bool(const LogLine&)>& sink) override {
    if (request.resource == "eu.missing") return fail(Code::kNotFound, "no such resource");
    ++begun;
    const auto since = request.wish.since.value_or(WallTime{});
    for (const auto& line : lines()) {
      if (*line.time >= since && !sink(line)) return {};
    }
    for (size_t told = lines().size(); request.wish.follow; std::this_thread::yield()) {
      for (const auto all = lines(); told < all.size(); ++told)
        if (!sink(all[told])) return {};
      if (!sink({})) return {};
    }
    return {};
  }
  void add(const std::string& text, int second) {
    const std::lock_guard lock(mutex_);
    lines_.push_back({"web/0", text, WallTime(std::chrono::seconds(second))});
  }
  std::vector<LogLine> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::atomic<int> begun = 0;

 private:
  std::mutex mutex_;
  std::vector<LogLine> lines_{{"web/0", "one", WallTime(std::chrono::seconds(1))},
                              {"web/0", "two", WallTime(std::chrono::seconds(2))}};
};

class LogStreamsTest : public ::testing::Test {
 protected:
  LogStreamsTest() {
    start_server();
    commands_ = *agent_bus_->subscribe("command.eu", [this](const Message& message) {
      wire::v1::LogsRequest request;
      ASSERT_TRUE(request.ParseFromString(message.data));
      ++commands_seen_;
      reply_subject_ = request.reply_subject();
      server_->handle(request);
    });
  }
  void start_server() {
    agent::LogServerOptions options;
    options.agent = "eu";
    options.max_streams = 2;
    server_.reset();
    server_ = std::make_unique<agent::LogServer>(options, *agent_bus_, clock_, reader_);
  }
  std::shared_ptr<void> open(const std::string& resource, bool follow = false) {
    auto handle =
        streams_.open({.agent = "eu", .resource = resource, .container = {}, .wish = {.follow = follow}},
                      {.data =
                           [this](std::string_view source, std::string_view data) {
                             EXPECT_EQ(source, "web/0");
                             seen_ += data;
                             return wanted_;
                           },
                       .note = [this](std::string_view text) { notes_ += std::string(text) + ";"; },
                       .end = [this](std::string error) { ended_ = "end:" + error; }});
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
  std::string reply_subject_;
  static constexpr const char* kBoth = "1970-01-01T00:00:01.000Z one\n1970-01-01T00:00:02.000Z two\n";
  std::string seen_;
  std::string notes_;
  std::string ended_;
  bool wanted_ = true;
};

TEST_F(LogStreamsTest, WhatIsThereThenTheEnd) {
  const auto handle = open("eu.a");
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(seen_, kBoth);
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
  ASSERT_TRUE(until([&] { return seen_ == kBoth; }));
  handle.reset();
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 0 && server_->streams() == 0; }));
  EXPECT_EQ(ended_, "");
}

TEST_F(LogStreamsTest, ASinkThatWantsNoMoreEndsBothSides) {
  wanted_ = false;
  const auto handle = open("eu.a", true);
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 0 && server_->streams() == 0; }));
  EXPECT_NE(seen_, "");
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
  ASSERT_TRUE(until([&] { return seen_ == kBoth; }));
  const auto chunks = std::make_shared<std::atomic<int>>(0);
  broker_.set_fate([chunks](auto, auto, const Message& message) {
    if (message.subject.starts_with("logs")) ++*chunks;
    return MemoryBroker::Fate{};
  });
  for (int i = 0; i < 30; ++i) {
    clock_.advance(Millis(10'000));
    // Time goes on while it is waited: a thread that was about to wait has not seen the step above.
    ASSERT_TRUE(until([&, before = chunks->load()] {
      clock_.advance(Millis(1));
      return *chunks > before;
    }));
  }
  EXPECT_EQ(ended_, "");
  EXPECT_EQ(server_->streams(), 1U);
  EXPECT_GE(commands_seen_, 10);
}

TEST_F(LogStreamsTest, AStreamWhoseHubHasGoneEndsWithItsLease) {
  const auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_ == kBoth; }));
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
  EXPECT_EQ(notes_, "1 pieces of this log were lost on the way;");
}

TEST_F(LogStreamsTest, AFollowedLogGoesOnWhereItWasWhenTheAgentIsBack) {
  const auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_ == kBoth; }));
  start_server();  // another life of the agent
  reader_.add("three", 2);
  clock_.advance(Millis(30'001));
  ASSERT_TRUE(until([&] { return seen_.ends_with("three\n"); })) << seen_ << notes_;
  EXPECT_EQ(seen_, std::string(kBoth) + "1970-01-01T00:00:02.000Z three\n");
  EXPECT_EQ(notes_, "agent eu has fallen silent; it is waited for;it answers again;");
  EXPECT_EQ(ended_, "");
  EXPECT_EQ(reader_.begun, 2);
}

// No message says that a killed process has gone: the next one is asked when it comes, not when somebody
// notices the silence.
TEST_F(LogStreamsTest, AnAgentThatWasKilledIsAskedAsSoonAsItIsBack) {
  const auto handle = open("eu.a", true);
  ASSERT_TRUE(until([&] { return seen_ == kBoth; }));
  start_server();
  reader_.add("three", 2);
  streams_.came("us");
  EXPECT_TRUE(until([&] { return streams_.open_streams() == 1; }));
  EXPECT_EQ(commands_seen_, 1);
  // The first request after it is lost.
  broker_.set_fate([n = 0](auto, auto, const Message& message) mutable {
    return MemoryBroker::Fate{.copies = message.subject.starts_with("command") && ++n == 1 ? 0 : 1};
  });
  streams_.came("eu");
  streams_.step();
  broker_.pump();
  EXPECT_EQ(commands_seen_, 1);
  clock_.advance(Millis(2'001));
  ASSERT_TRUE(until([&] { return seen_.ends_with("three\n"); })) << seen_;
  EXPECT_EQ(seen_, std::string(kBoth) + "1970-01-01T00:00:02.000Z three\n");
  EXPECT_EQ(notes_, "");
  // And then no more often than before.
  for (int i = 0; i < 5; ++i) {
    clock_.advance(Millis(3'000));
    streams_.step();
    broker_.pump();
  }
  EXPECT_LE(commands_seen_, 3);
}

TEST_F(LogStreamsTest, AnAgentThatIsAwayIsWaitedForByWhoFollows) {
  broker_.set_connected("eu", false);
  const auto handle = open("eu.a", true);
  broker_.pump();
  clock_.advance(Millis(5'001));
  streams_.step();
  EXPECT_EQ(notes_, "agent eu does not answer; it is waited for;");
  broker_.set_connected("eu", true);
  clock_.advance(Millis(2'001));
  EXPECT_TRUE(until([&] { return seen_ == kBoth; })) << seen_;
}

TEST_F(LogStreamsTest, ALineOfAMegabyteArrivesWhole) {
  const std::string line(1 << 20, 'x');
  reader_.add(line, 3);
  const auto handle = open("eu.a");
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(seen_, kBoth + ("1970-01-01T00:00:03.000Z " + line + "\n"));
  EXPECT_EQ(notes_, "");
}

TEST_F(LogStreamsTest, NumbersAreBounded) {
  const auto a = open("eu.a", true);
  const auto b = open("eu.a", true);
  const auto c = open("eu.a", true);
  const auto fourth =
      streams_.open({.agent = "eu", .resource = "eu.a"}, {.data = [](auto, auto) { return true; }});
  EXPECT_EQ(fourth.error().code, Code::kExhausted);
  // The agent takes two.
  ASSERT_TRUE(until([&] { return !ended_.empty(); }));
  EXPECT_EQ(ended_, "end:this agent streams as many logs as it may; close one and try again");
}

// One agent's words stand among those of others.
TEST_F(LogStreamsTest, WhatAnAgentSaysOfItselfStaysInItsLine) {
  std::string source;
  std::string ended;
  broker_.set_fate([](auto, auto, const Message& message) {
    return MemoryBroker::Fate{.copies = message.subject.starts_with("logs") ? 0 : 1};
  });
  const auto handle = streams_.open({.agent = "eu", .resource = "eu.a", .container = {}, .wish = {}},
                                    {.data =
                                         [&](std::string_view from, std::string_view) {
                                           source = from;
                                           return true;
                                         },
                                     .end = [&](std::string error) { ended = error; }});
  ASSERT_TRUE(handle);
  ASSERT_TRUE(until([&] { return commands_seen_ == 1; }));
  broker_.set_fate([](auto, auto, const Message&) { return MemoryBroker::Fate{}; });
  wire::v1::LogsChunk chunk;
  chunk.set_source("0/web\nprod/us/web-0/main | paid");
  chunk.set_data("x\n");
  chunk.set_last(true);
  chunk.set_error("gone\n-- the hub is gone");
  agent_bus_->publish(reply_subject_, chunk.SerializeAsString());
  ASSERT_TRUE(until([&] { return !ended.empty(); }));
  EXPECT_EQ(source, "0/web\\nprod/us/web-0/main | paid");
  EXPECT_EQ(ended, "gone\\n-- the hub is gone");
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
