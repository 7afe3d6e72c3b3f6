// One hub and some agents in one process, over a real nats-server: threads, real time, and a server that is
// killed.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/bus/light_nats_bus.h"
#include "common/loop/loop.h"
#include "hub/dispatch/log_streams.h"
#include "tests/support/link_world.h"
#include "tests/support/nats_process.h"

namespace qleet::testing {
namespace {

constexpr Millis kBeat{500};

std::unique_ptr<LightNatsBus> connect(const NatsProcess& server, IoLoop& io, const std::string& name) {
  NatsOptions options = small_nats_options();
  options.urls = {server.url()};
  options.name = name;
  options.reconnect_wait = Millis(50);
  options.reconnect_jitter = Millis(50);
  options.max_wait = Millis(300);
  auto bus = LightNatsBus::start(options, io);
  if (!bus) throw std::runtime_error(bus.error().message);
  return *std::move(bus);
}

// A session and its machine, which the test may look at between steps.
class LiveAgent final : public Stepper {
 public:
  LiveAgent(const std::string& name, const NatsProcess& server, IoLoop& io, const Clock& clock)
      : machine(clock),
        random_(std::hash<std::string>{}(name)),
        bus_(connect(server, io, name)),
        session_(options(name), {*bus_, clock, random_, machine, machine, nullptr}) {
    if (auto started = session_.start(); !started) throw std::runtime_error(started.error().message);
    loop_ = std::make_unique<LoopThread>(*this, session_.wake(), clock);
  }
  ~LiveAgent() override { loop_.reset(); }

  MonoTime step() override {
    std::lock_guard lock(mutex);
    const MonoTime due = session_.step();
    machine.work();
    return due;
  }

  std::mutex mutex;  // guards machine
  SimAgent machine;

 private:
  static agent::SessionOptions options(const std::string& name) {
    agent::SessionOptions out;
    out.agent = name;
    out.boot_id = "boot";
    out.enrolled_epoch = "e1";
    out.heartbeat = kBeat;
    out.sync_backoff = {Millis(100), Millis(1'000)};
    return out;
  }

  SeededRandom random_;
  std::unique_ptr<LightNatsBus> bus_;
  agent::Session session_;
  std::unique_ptr<LoopThread> loop_;
};

class LinkNatsTest : public ::testing::Test {
 protected:
  LinkNatsTest() {
    for (int i = 0; i < 5; ++i) {
      const std::string name = "r" + std::to_string(i);
      content_.enrol(name);
    }
    hub_bus_ = connect(server_, io_.loop(), "hub");
    dispatch_ = std::make_unique<hub::Dispatch>(content_.store(), *hub_bus_, clock_, hub::DispatchOptions{});
    hub::FleetOptions fleet;
    fleet.heartbeat = kBeat;
    fleet.poke.settle = Millis(200);
    fleet.poke.first = Millis(500);
    fleet_ = std::make_unique<hub::Fleet>(content_.store(), *hub_bus_, clock_, dispatch_->agents(),
                                          dispatch_->index(), LinkWorld::fleet_hooks(), fleet);
    EXPECT_TRUE(dispatch_->start());
    EXPECT_TRUE(fleet_->start());
    loops_.push_back(std::make_unique<LoopThread>(*dispatch_, dispatch_->wake(), clock_));
    loops_.push_back(std::make_unique<LoopThread>(*fleet_, fleet_->wake(), clock_));
    for (int i = 0; i < 5; ++i) {
      const std::string name = "r" + std::to_string(i);
      agents_[name] = std::make_unique<LiveAgent>(name, server_, io_.loop(), clock_);
    }
  }

  // Every agent runs what its region shall, and the store says so.
  std::string difference() {
    for (auto& [name, agent] : agents_) {
      std::map<std::string, std::uint32_t> wanted;
      for (const auto& resource : content_.resources(name)) {
        if (resource.spec().deleted()) return resource.metadata().name() + " is not gone";
        if (resource.status().observed_generation() != resource.metadata().generation())
          return resource.metadata().name() + " is not reported";
        wanted[resource.metadata().name()] = resource.metadata().generation();
      }
      std::lock_guard lock(agent->mutex);
      std::map<std::string, std::uint32_t> runs;
      for (const auto& [resource, running] : agent->machine.world) runs[resource] = running.generation;
      if (runs != wanted) return name + " runs something else";
    }
    return {};
  }
  bool equal(std::chrono::milliseconds within = std::chrono::seconds(20)) {
    return eventually([&] { return difference().empty(); }, within);
  }

  NatsProcess server_;
  SystemClock clock_;
  IoThread io_{clock_};
  LinkWorld content_{1, LinkWorld::kStoreOnly};
  std::unique_ptr<LightNatsBus> hub_bus_;
  std::unique_ptr<hub::Dispatch> dispatch_;
  std::unique_ptr<hub::Fleet> fleet_;
  std::vector<std::unique_ptr<LoopThread>> loops_;
  std::map<std::string, std::unique_ptr<LiveAgent>> agents_;
};

TEST_F(LinkNatsTest, AppliedEverywhereThenDeleted) {
  for (int round = 0; round < 3; ++round)
    for (int region = 0; region < 5; ++region)
      content_.put("r" + std::to_string(region) + ".a" + std::to_string(round), "1");
  EXPECT_TRUE(equal()) << difference();
  for (int region = 0; region < 5; ++region) content_.tombstone("r" + std::to_string(region) + ".a1");
  EXPECT_TRUE(equal()) << difference();
  EXPECT_EQ(content_.resources("r0").size(), 2U);
  EXPECT_EQ(fleet_->liveness().connected(), 5U);
}

TEST_F(LinkNatsTest, KilledServersInTheMiddleOfUpdatesLoseNothing) {
  ASSERT_TRUE(equal());
  int content = 0;
  for (int kill = 0; kill < 3; ++kill) {
    for (int i = 0; i < 150; ++i) {
      content_.put("r" + std::to_string(i % 5) + ".a" + std::to_string(i % 20), std::to_string(++content));
      if (i == 75) server_.kill9();
      if (i % 10 == 0) content_.tombstone("r" + std::to_string(i % 5) + ".a" + std::to_string(i % 20));
    }
    server_.start();
    EXPECT_TRUE(equal(std::chrono::seconds(30))) << "kill " << kill << ": " << difference();
  }
  EXPECT_TRUE(content_.wrongs().empty());
}

TEST_F(LinkNatsTest, AnAgentThatComesAnewHasEverythingAtOnce) {
  agents_.erase("r0");
  std::vector<std::string> many;
  for (int i = 0; i < 3'000; ++i) many.push_back("r0.a" + std::to_string(i));
  content_.put_all(many, std::string(500, 'x'));
  agents_["r0"] = std::make_unique<LiveAgent>("r0", server_, io_.loop(), clock_);
  EXPECT_TRUE(equal()) << difference();
}

}  // namespace
}  // namespace qleet::testing
