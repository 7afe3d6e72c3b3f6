// The index of a region is built when it is needed, in the middle of whatever goes on: nothing of that may be
// lost, and nothing told twice.
#include "hub/dispatch/desired_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "common/random/random.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {
namespace {

const MonoTime kNow{Millis(1'000)};

// A store whose resources change as controllers change them.
class Desired {
 public:
  Revision put(const std::string& name, std::uint32_t generation, const std::string& state = "Ready") {
    return write([&](Txn& txn) { return put_in(txn, name, generation, state); });
  }
  Revision erase(const std::string& name) {
    return write([&](Txn& txn) -> Result<> {
      txn.erase(keys::object("resources", name));
      const auto at = TRY(txn.get(keys::region_at(name)));
      txn.erase("x/region-pos/" + region_of(name) + "/" + at->value + "/" + name);
      txn.erase(keys::region_at(name));
      return {};
    });
  }
  Revision write(const TxnFunction& function) { return *store.transact(function); }
  // The position moves where the generation does.
  static Result<> put_in(Txn& txn, const std::string& name, std::uint32_t generation,
                         const std::string& state) {
    v1::Resource resource;
    const auto stored = TRY(txn.get(keys::object("resources", name)));
    if (stored) resource.ParseFromString(stored->value);
    const bool moved = resource.metadata().generation() != generation;
    resource.mutable_metadata()->set_name(name);
    resource.mutable_metadata()->set_uid("uid-" + name);
    resource.mutable_metadata()->set_generation(generation);
    resource.mutable_spec()->set_region(region_of(name));
    resource.mutable_spec()->set_hash("h" + std::to_string(generation));
    resource.mutable_status()->set_state(state);
    txn.put(keys::object("resources", name), resource.SerializeAsString());
    if (!moved) return {};
    if (const auto at = TRY(txn.get(keys::region_at(name))))
      txn.erase("x/region-pos/" + region_of(name) + "/" + at->value + "/" + name);
    txn.put(keys::region_at(name), keys::hex16(txn.revision()));
    txn.put(keys::region_pos(region_of(name), txn.revision(), name), "");
    return {};
  }
  static std::string region_of(const std::string& name) { return name.substr(0, name.find('.')); }

  Revision revision() const { return (*store.snapshot())->revision(); }
  RegionView view(const std::string& region) const {
    DesiredIndex fresh;
    EXPECT_TRUE(fresh.build(**store.snapshot(), region, revision(), {}));
    return *fresh.region(region);
  }
  MemoryStore store;
};

std::vector<std::string> told(const std::vector<SpecChange>& changes) {
  std::vector<std::string> names;
  for (const auto& change : changes)
    names.push_back(change.name + "@" + std::to_string(change.revision) + " after " +
                    std::to_string(change.prev_position));
  return names;
}

TEST(DesiredIndexTest, WhatNobodyAskedForIsNotKnown) {
  Desired desired;
  desired.put("eu.a", 1);
  desired.put("us.a", 1);
  size_t asked = 0;
  DesiredIndex index([&] { ++asked; });
  for (const auto& change : *desired.store.changes(0, 100)) EXPECT_FALSE(*index.apply(change, kNow));
  EXPECT_EQ(index.regions(), 0U);
  EXPECT_FALSE(index.region("eu"));
  EXPECT_EQ(asked, 0U);

  EXPECT_FALSE(index.ask("eu"));
  EXPECT_FALSE(index.ask("eu"));
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(index.take_asked(), std::set<std::string>{"eu"});
  EXPECT_TRUE(index.take_asked().empty());
  ASSERT_TRUE(index.build(**desired.store.snapshot(), "eu", desired.revision(), kNow));
  EXPECT_EQ(index.regions(), 1U);
  EXPECT_EQ(index.ask("eu")->resources, 1U);
  EXPECT_EQ(index.ask("eu")->changed_at, MonoTime{});
  EXPECT_FALSE(index.region("us"));
}

TEST(DesiredIndexTest, ARegionWithoutResourcesIsKnownToo) {
  Desired desired;
  desired.put("eu-west.a", 1);
  DesiredIndex index;
  ASSERT_TRUE(index.build(**desired.store.snapshot(), "eu", desired.revision(), kNow));
  ASSERT_TRUE(index.region("eu"));
  EXPECT_EQ(index.region("eu")->resources, 0U);
  EXPECT_EQ(index.region("eu")->digest, sync::Digest{});
}

TEST(DesiredIndexTest, TheSameByTheLogAndBySnapshot) {
  Desired desired;
  desired.put("eu.a", 1);
  const Revision start = desired.put("eu.gone", 1);
  DesiredIndex index;
  ASSERT_TRUE(index.build(**desired.store.snapshot(), "eu", start, kNow));
  const Revision first = desired.put("eu.b", 1);
  desired.put("us.a", 1);
  const Revision last = desired.put("eu.a", 2);
  desired.put("eu.a", 2, "Degraded");
  desired.erase("eu.gone");
  std::vector<SpecChange> changes;
  for (const auto& change : *desired.store.changes(start, 100))
    if (auto spec = *index.apply(change, kNow)) changes.push_back(*std::move(spec));
  EXPECT_EQ(told(changes), (std::vector<std::string>{fmt::format("eu.b@{} after {}", first, start),
                                                     fmt::format("eu.a@{} after {}", last, first)}));
  EXPECT_EQ(index.region("eu")->digest, desired.view("eu").digest);
  EXPECT_EQ(index.region("eu")->position, desired.view("eu").position);
}

TEST(DesiredIndexTest, WhatTheLogHasYetToSayIsToldOnce) {
  Desired desired;
  const Revision before = desired.put("eu.a", 1);
  const Revision followed = desired.put("us.a", 1);
  const Revision changed = desired.put("eu.b", 1);
  desired.put("eu.a", 1, "Degraded");
  const Revision twice = desired.put("eu.c", 1);
  desired.put("eu.gone", 1);
  desired.erase("eu.gone");
  const Revision last = desired.put("eu.c", 2);
  DesiredIndex index;
  const auto changes = index.build(**desired.store.snapshot(), "eu", followed, kNow);
  ASSERT_TRUE(changes);
  EXPECT_EQ(told(*changes), (std::vector<std::string>{fmt::format("eu.b@{} after {}", changed, before),
                                                      fmt::format("eu.c@{} after {}", last, changed)}));
  EXPECT_GT(twice, changed);
  EXPECT_EQ(index.region("eu")->changed_at, kNow);
  const auto view = *index.region("eu");
  for (const auto& change : *desired.store.changes(followed, 100))
    EXPECT_FALSE(*index.apply(change, kNow)) << change.key;
  EXPECT_EQ(index.region("eu")->digest, view.digest);
  EXPECT_EQ(index.region("eu")->digest, desired.view("eu").digest);

  const Revision next = desired.put("eu.b", 2);
  const auto log = *desired.store.changes(next - 1, 100);
  const auto spec = *index.apply(log.front(), kNow);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->prev_position, last);
}

TEST(DesiredIndexTest, WhatCannotBeReadStatesNothing) {
  Desired desired;
  desired.put("eu.a", 1);
  desired.write([](Txn& txn) -> Result<> {
    txn.put(keys::object("resources", "eu.b"), "garbage");
    return {};
  });
  DesiredIndex index;
  const auto built = index.build(**desired.store.snapshot(), "eu", desired.revision(), kNow);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(index.region("eu")->resources, 1u);
  const auto digest = index.region("eu")->digest;
  // One that comes to be so while the log is followed, too.
  desired.put("eu.c", 1);
  desired.write([](Txn& txn) -> Result<> {
    txn.put(keys::object("resources", "eu.c"), "garbage");
    return {};
  });
  const auto log = *desired.store.changes(desired.revision() - 2, 10);
  ASSERT_EQ(log.size(), 2u);
  ASSERT_TRUE(index.apply(log[0], kNow));
  EXPECT_EQ(index.region("eu")->resources, 2u);
  EXPECT_FALSE(index.apply(log[1], kNow));
  EXPECT_EQ(index.region("eu")->resources, 1u);
  EXPECT_EQ(index.region("eu")->digest, digest);
}

// The log of before the region was built cannot be read, and what the region was built from can.
TEST(DesiredIndexTest, AnOldChangeThatCannotBeReadLeavesWhatIsNewer) {
  Desired desired;
  const auto before = desired.put("eu.a", 1);
  desired.write([](Txn& txn) -> Result<> {
    txn.put(keys::object("resources", "eu.a"), "garbage");
    return {};
  });
  desired.write([](Txn& txn) -> Result<> {
    v1::Resource whole;
    whole.mutable_metadata()->set_name("eu.a");
    whole.mutable_metadata()->set_generation(2);
    whole.mutable_spec()->set_region("eu");
    txn.put(keys::object("resources", "eu.a"), whole.SerializeAsString());
    return {};
  });
  DesiredIndex index;
  ASSERT_TRUE(index.build(**desired.store.snapshot(), "eu", before, kNow));
  const auto digest = index.region("eu")->digest;
  const auto log = *desired.store.changes(before, 10);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_FALSE(index.apply(log[0], kNow));
  EXPECT_EQ(index.region("eu")->resources, 1u);
  EXPECT_EQ(index.region("eu")->digest, digest);
}

TEST(DesiredIndexTest, ALaterChangeIsFoundWithoutReadingTheRegion) {
  Desired desired;
  const Revision first = desired.put("eu.a", 1);
  desired.put("eu-west.a", 1);
  const auto reader = *desired.store.snapshot();
  EXPECT_TRUE(*changed_after(*reader, "eu", first - 1));
  EXPECT_FALSE(*changed_after(*reader, "eu", first));
  EXPECT_FALSE(*changed_after(*reader, "us", 0));
}

// An agent that knows everything up to some revision and is told of the rest.
struct Follower {
  Revision position = 0;
  std::map<std::string, sync::Digest> held;
  bool gap = false;

  void take(const SpecChange& change) {
    gap = gap || position < change.prev_position;
    position = std::max(position, change.revision);
    v1::Resource resource;
    resource.ParseFromString(change.value);
    held[change.name] = sync::entry_digest(change.name, resource.metadata().uid(),
                                           resource.metadata().generation(), resource.spec().hash());
  }
};

// A store that changes all the time; a log that is read some time later; and regions that become known at any
// moment in between. QLEET_SEED plays one history, QLEET_HISTORIES says how many.
class IndexHistory {
 public:
  explicit IndexHistory(std::uint64_t seed) : dice_(seed) {}

  std::string play() {
    for (std::uint64_t i = 0, n = roll(20); i < n; ++i) change();
    cursor_ = desired_.revision();
    for (const auto& region : regions_) learn(region);
    for (std::uint64_t i = 0, n = 20 + roll(100); i < n; ++i) {
      const auto what = roll(10);
      if (what < 6) change();
      if (what == 6 || what == 7) follow(cursor_ + roll(10));
      if (what == 8) build(regions_[roll(regions_.size())]);
      if (what == 9 && roll(5) == 0) {
        // As after a compacted log: agents sync, and begin from there.
        follow(UINT64_MAX);
        index_.forget();
        for (const auto& region : regions_) learn(region);
        unbuilt_.clear();
      }
    }
    for (const auto& region : regions_) build(region);
    follow(UINT64_MAX);
    for (const auto& region : regions_)
      if (auto wrong = compare(region); !wrong.empty()) return region + ": " + wrong;
    return {};
  }

 private:
  std::uint64_t roll(std::uint64_t sides) { return dice_.next() % sides; }

  // One transaction of some resources.
  void change() {
    desired_.write([&](Txn& txn) -> Result<> {
      for (std::uint64_t i = 0, n = 1 + roll(3); i < n; ++i) {
        const std::string name = regions_[roll(regions_.size())] + ".r" + std::to_string(roll(6));
        auto& generation = generations_[name];
        if (generation != 0 && roll(3) == 0) {
          TRY(Desired::put_in(txn, name, generation, std::to_string(roll(9))));
        } else {
          TRY(Desired::put_in(txn, name, ++generation, "Ready"));
        }
      }
      return {};
    });
  }

  // What the agent of a region knows when the log was read up to the cursor, and all of it.
  void learn(const std::string& region) {
    auto& agent = agents_[region];
    agent = {};
    for (const auto& change : *DesiredIndex().build(**desired_.store.snapshot(), region, 0, kNow))
      agent.take({change.region, change.name, change.revision, 0, change.value});
  }

  // Reads the log, whole revisions of it.
  void follow(Revision upto) {
    for (const auto& change : *desired_.store.changes(cursor_, 1'000)) {
      if (change.revision > upto) return;
      if (const auto spec = *index_.apply(change, kNow)) {
        tell(*spec);
      } else {
        const auto region = Desired::region_of(std::string(keys::last(change.key)));
        if (!index_.region(region)) unbuilt_.try_emplace(region, change.revision - 1);
      }
      cursor_ = change.revision;
    }
  }

  void tell(const SpecChange& change) {
    agents_[change.region].take(change);
    ++told_[change.name + "@" + std::to_string(change.revision)];
  }

  void build(const std::string& region) {
    if (index_.region(region)) return;
    const auto since = unbuilt_.extract(region);
    for (const auto& change :
         *index_.build(**desired_.store.snapshot(), region, since.empty() ? cursor_ : since.mapped(), kNow)) {
      tell(change);
    }
  }

  std::string compare(const std::string& region) {
    const auto fresh = desired_.view(region);
    const auto view = *index_.region(region);
    if (view.digest != fresh.digest) return "the index has another digest than the store";
    if (view.position != fresh.position) return "the index has another position than the store";
    if (view.resources != fresh.resources) return "the index has another number of resources";
    auto& agent = agents_[region];
    if (agent.gap) return "the agent was told of a change without the one before it";
    sync::Digest digest;
    for (const auto& [name, held] : agent.held) digest.add(held);
    if (digest != fresh.digest) return "a change was lost on the way to the agent";
    for (const auto& [what, times] : told_)
      if (times > 1) return what + " was told twice";
    return {};
  }

  const std::vector<std::string> regions_{"eu", "eu-west", "us"};
  SeededRandom dice_;
  Desired desired_;
  DesiredIndex index_;
  Revision cursor_ = 0;
  std::map<std::string, Revision> unbuilt_;
  std::map<std::string, std::uint32_t> generations_;
  std::map<std::string, Follower> agents_;
  std::map<std::string, size_t> told_;
};

TEST(DesiredIndexProperty, NothingIsLostOrToldTwice) {
  const char* one = std::getenv("QLEET_SEED");
  const char* count = std::getenv("QLEET_HISTORIES");
  const std::uint64_t first = one ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t histories = one ? 1 : count ? std::strtoull(count, nullptr, 10) : 1000;
  for (std::uint64_t seed = first; seed < first + histories; ++seed)
    ASSERT_EQ(IndexHistory(seed).play(), "") << "QLEET_SEED=" << seed;
}

}  // namespace
}  // namespace qleet::hub
