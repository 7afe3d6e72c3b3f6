// A hub and the agent of one region over a network that the test owns.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "hub/store/objects.h"
#include "tests/support/link_world.h"

namespace qleet::testing {

inline constexpr Millis kSoon{500};
inline constexpr Millis kBeat{16'000};  // a heartbeat, a poke and a sync

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    world_.enrol("eu");
    world_.start_agent("eu");
    world_.run(kSoon);
  }
  void expect_equal() {
    EXPECT_EQ(world_.difference("eu"), "");
    EXPECT_TRUE(world_.wrongs().empty()) << world_.wrongs().front();
  }
  // Loses the next `count` messages on subjects that begin so.
  void lose(const std::string& prefix, int count) {
    world_.broker.set_fate([prefix, left = std::make_shared<int>(count)](auto, auto, const Message& message) {
      if (!message.subject.starts_with(prefix) || *left == 0) return MemoryBroker::Fate{};
      --*left;
      return MemoryBroker::Fate{.copies = 0};
    });
  }
  SimAgent& machine() { return *world_.machines.at("eu"); }

  LinkWorld world_;
};

}  // namespace qleet::testing
