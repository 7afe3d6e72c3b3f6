// Thousands of histories of a hub, agents and a network that goes wrong in every way it can, each ending in
// peace: then both sides must be equal, and nothing may have been deleted that nobody wanted deleted.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/link_world.h"

namespace qleet::testing {
namespace {

class History {
 public:
  explicit History(std::uint64_t seed) : world_(seed), dice_(seed * 7919 + 1) {
    for (const auto& name : agents_) {
      world_.enrol(name);
      world_.start_agent(name);
    }
    make_trouble();
  }

  // Empty, or what is wrong at the end.
  std::string play() {
    const auto steps = 10 + roll(60);
    for (std::uint64_t i = 0; i < steps; ++i) {
      act();
      world_.run(Millis(static_cast<Millis::rep>(roll(4) == 0 ? roll(20'000) : roll(200))));
    }
    make_peace();
    const bool equal = world_.run_until([&] { return difference().empty(); }, Millis(1'800'000));
    if (!world_.wrongs().empty()) return world_.wrongs().front();
    return equal ? "" : difference();
  }

 private:
  std::uint64_t roll(std::uint64_t sides) { return dice_.next() % sides; }
  const std::string& some_agent() { return agents_[roll(agents_.size())]; }
  std::string some_resource() { return some_agent() + ".r" + std::to_string(roll(12)); }

  void make_trouble() {
    const auto lost = roll(3) == 0 ? 0 : roll(30);
    const auto doubled = roll(15);
    const auto delayed = roll(3) == 0 ? 0 : roll(40);
    world_.broker.set_fate([this, lost, doubled, delayed](auto, auto, const Message&) {
      MemoryBroker::Fate fate;
      if (roll(100) < lost)
        fate.copies = 0;
      else if (roll(100) < doubled)
        fate.copies = 2;
      if (roll(100) < delayed) fate.delay = Millis(static_cast<Millis::rep>(roll(3'000)));
      return fate;
    });
    for (auto& [name, machine] : world_.machines) machine->disk = [this] { return roll(50) != 0; };
  }

  void act() {
    switch (roll(24)) {
      case 0:
        return world_.restart_hub();
      case 1:
        return world_.stop_hub();
      case 2:
      case 3:
        return world_.restart_agent(some_agent());
      case 4:
        return world_.stop_agent(some_agent());
      case 5:
        return world_.start_agent(some_agent());
      case 6:
        return world_.broker.set_connected(some_agent(), roll(2) == 0);
      case 7:
        backup_ = world_.backup();
        backup_revision_ = world_.revision();
        return;
      case 8:
        if (backup_ && roll(3) == 0) world_.restore(backup_, backup_revision_);
        return;
      case 9:
        if (roll(4) == 0) strange_times();
        return;
      case 10:
        if (roll(4) == 0) world_.lose(some_resource());
        return;
      case 11:
      case 12:
      case 13:
      case 14:
        return world_.tombstone(some_resource());
      case 15: {
        std::vector<std::string> many;
        const auto count = 1 + roll(10);
        const std::string agent = some_agent();
        for (std::uint64_t i = 0; i < count; ++i) many.push_back(agent + ".r" + std::to_string(roll(12)));
        return world_.put_all(many, std::to_string(roll(5)));
      }
      case 16: {
        const auto& machine = world_.machines.at(some_agent());
        if (!machine->held.empty()) machine->touch(machine->held.begin()->first);
        return;
      }
      case 17:
        if (!world_.hub_runs()) world_.start_hub();
        return;
      default:
        return world_.put(some_resource(), std::to_string(roll(5)));
    }
  }

  // Another hub with an empty store is there for a while.
  void strange_times() {
    const bool ran = world_.hub_runs();
    world_.impostor();
    world_.run(Millis(static_cast<Millis::rep>(roll(60'000))));
    world_.bring_back();
    if (!ran) world_.stop_hub();
  }

  void make_peace() {
    world_.broker.set_fate({});
    for (auto& [name, machine] : world_.machines) machine->disk = [] { return true; };
    if (!world_.hub_runs()) world_.start_hub();
    for (const auto& name : agents_) {
      world_.start_agent(name);
      world_.broker.set_connected(name, true);
    }
  }

  std::string difference() const {
    for (const auto& name : agents_)
      if (auto what = world_.difference(name); !what.empty()) return name + ": " + what;
    return {};
  }

  const std::vector<std::string> agents_{"eu", "us"};
  LinkWorld world_;
  SeededRandom dice_;
  std::shared_ptr<const StoreContent> backup_;
  hub::Revision backup_revision_ = 0;
};

// QLEET_SEED plays one history, QLEET_HISTORIES says how many.
TEST(LinkProperty, EveryHistoryEndsEqualAndNothingIsDeletedWrongly) {
  const char* one = std::getenv("QLEET_SEED");
  const char* count = std::getenv("QLEET_HISTORIES");
  const std::uint64_t first = one ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t histories = one ? 1 : count ? std::strtoull(count, nullptr, 10) : 1000;
  for (std::uint64_t seed = first; seed < first + histories; ++seed) {
    const std::string wrong = History(seed).play();
    ASSERT_EQ(wrong, "") << "QLEET_SEED=" << seed;
  }
}

}  // namespace
}  // namespace qleet::testing
