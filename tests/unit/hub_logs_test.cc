// One query for the logs of several regions: it ends with the last of its streams, whichever ends first.
#include <gtest/gtest.h>

#include "common/bus/memory_bus.h"
#include "hub/assembly/adapters.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/region.pb.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {
namespace {

class HubLogsTest : public ::testing::Test {
 protected:
  HubLogsTest() {
    EXPECT_TRUE(store_.transact([&](Txn& txn) -> Result<> {
      for (const char* name : {"eu", "us"}) {
        v1::Agent agent;
        agent.mutable_metadata()->set_name(name);
        agent.mutable_spec()->set_region(name);
        TRY(objects::put(txn, agent, {{}, system_random()}));
      }
      return {};
    }));
    EXPECT_TRUE(directory_.rebuild(**store_.snapshot()));
    for (const char* name : {"eu", "us"}) {
      buses_.push_back(broker_.connect(name));
      auto* bus = buses_.back().get();
      held_.push_back(*bus->subscribe(std::string("command.") + name, [bus, name](const Message& message) {
        wire::v1::LogsRequest request;
        if (!request.ParseFromString(message.data) || request.cancel()) return;
        wire::v1::LogsChunk chunk;
        chunk.set_source("web");
        chunk.set_data(std::string("from ") + name + "\n");
        chunk.set_last(true);
        (void)bus->publish(request.reply_subject(), chunk.SerializeAsString());
      }));
    }
  }
  std::string all_of(api::LogSink& sink) {
    std::string text;
    for (int i = 0; i < 100; ++i) {
      broker_.pump();
      streams_.step();
      const auto piece = sink.next();
      text += piece.data;
      if (piece.end) return text + "<end>";
    }
    return text;
  }

  MemoryStore store_;
  AgentDirectory directory_;
  ManualClock clock_;
  SeededRandom random_{1};
  MemoryBroker broker_{clock_};
  std::unique_ptr<MemoryBus> bus_ = broker_.connect("hub");
  std::vector<std::unique_ptr<MemoryBus>> buses_;
  std::vector<std::shared_ptr<void>> held_;
  LogStreams streams_{*bus_, clock_, random_, {.max_streams = 8, .max_streams_per_agent = 1}};
  AgentLogs logs_{streams_, directory_};
};

TEST_F(HubLogsTest, AStreamThatEndsAtOnceLeavesTheOthers) {
  // The first agent has no place for one more: its stream ends while the others are yet to be opened.
  const auto taken =
      streams_.open({.agent = "eu", .resource = "eu.other", .container = {}, .wish = {.follow = true}},
                    {.data = [](auto, auto) { return true; }, .end = [](const std::string&) {}});
  ASSERT_TRUE(taken);
  auto sink = std::make_shared<api::LogSink>();
  ASSERT_TRUE(
      logs_.open({.resources = {{"eu.web", "dev/eu/web", true}, {"us.web", "dev/us/web", true}}}, sink));
  const auto text = all_of(*sink);
  EXPECT_NE(text.find("from us"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("<end>")) << text;
}

TEST_F(HubLogsTest, AllAreHeardToTheirEnd) {
  auto sink = std::make_shared<api::LogSink>();
  ASSERT_TRUE(
      logs_.open({.resources = {{"eu.web", "dev/eu/web", true}, {"us.web", "dev/us/web", true}}}, sink));
  const auto text = all_of(*sink);
  EXPECT_NE(text.find("from eu"), std::string::npos) << text;
  EXPECT_NE(text.find("from us"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("<end>")) << text;
}

TEST_F(HubLogsTest, WhereNobodyIsThereItIsSaid) {
  auto sink = std::make_shared<api::LogSink>();
  const auto opened = logs_.open({.resources = {{"asia.web", "dev/asia/web", true}}}, sink);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace qleet::hub
