#include "hub/controllers/manager.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "tests/support/eventually.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using namespace std::chrono_literals;
using test::eventually;

std::string app(int number) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: app-{}}}\nspec: {{workloads: {{web: "
      "{{score: "
      "{{containers: {{main: {{image: i}}}}, resources: {{db: {{type: postgres, class: shared}}}}}}}}}}}}\n",
      number);
}

// A region with so many applications, all as they should be.
void settle_with(World& world, int apps) {
  world.join("lab");
  for (int i = 0; i < apps; ++i) world.apply(app(i));
  world.settle();
}

// Copies of it go on where the others are.
Random counter() {
  return [last = std::make_shared<std::uint64_t>(0)] { return ++*last; };
}

TEST(Manager, ItsOwnThreadsDoTheSame) {
  World world;
  world.join("lab");
  world.settle();
  std::atomic<std::uint64_t> next = 0;
  controllers::Manager manager(world.store, world.clock, [&next] { return ++next; }, {.workers = 4});
  ASSERT_TRUE(manager.start());
  constexpr int kApps = 20;
  for (int i = 0; i < kApps; ++i) world.apply(app(i));
  ASSERT_TRUE(eventually([&] {
    const auto found = world.resources();
    return std::ranges::count_if(found, [](const auto& name) { return name.ends_with(".workload.web"); }) ==
           kApps;
  }));
  manager.stop();
  world.settle();
  for (int i = 0; i < kApps; ++i) EXPECT_EQ(world.state(fmt::format("app-{}.default", i)), "Ready 1");
}

TEST(Manager, DoesNothingWithoutAChange) {
  World world;
  settle_with(world, 3);
  const auto revision = world.store.snapshot().value()->revision();
  controllers::Manager fresh(world.store, world.clock, counter());
  ASSERT_TRUE(fresh.resume());
  ASSERT_TRUE(fresh.run_until_idle());
  EXPECT_EQ(world.store.snapshot().value()->revision(), revision);
}

TEST(Manager, TheCostOfAChangeIsWhatItTouches) {
  World world;
  settle_with(world, 30);
  controllers::Manager manager(world.store, world.clock, counter());
  manager.start_after(world.store.snapshot().value()->revision());
  auto changed = app(7);
  changed.replace(changed.find("image: i"), 8, "image: j");
  world.apply(changed);
  const auto steps = manager.run_until_idle();
  ASSERT_TRUE(steps);
  EXPECT_LT(*steps, 10u);
}

TEST(Manager, AFaultAboutOneObjectIsTriedAgainAndStopsNobodyElse) {
  World world;
  world.join("lab");
  world.settle();
  world.apply(app(1));
  unsigned calls = 0;
  controllers::Manager manager(world.store, world.clock, [&calls]() -> std::uint64_t {
    if (++calls == 1) throw std::out_of_range("a fault");
    return calls;
  });
  ASSERT_TRUE(manager.resume());
  ASSERT_TRUE(manager.run_until_idle());
  EXPECT_FALSE(world.get<v1::Resource>("lab.default.app-1.workload.web"));
  world.clock.advance(1s);
  ASSERT_TRUE(manager.run_until_idle());
  EXPECT_TRUE(world.get<v1::Resource>("lab.default.app-1.workload.web"));
}

// Regions whose status changes after a restart bring no deployment to be resolved anew.
TEST(Manager, AfterARestartARegionsStatusIsNoNewRegion) {
  World world;
  settle_with(world, 10);
  const auto made = counter();
  {
    controllers::Manager first(world.store, world.clock, made);
    ASSERT_TRUE(first.start());
    ASSERT_TRUE(eventually([&] {
      world.clock.advance(1s);
      return (*world.store.snapshot())->get("m/controllers-position").value().has_value();
    }));
    first.stop();
  }
  controllers::Manager second(world.store, world.clock, made);
  ASSERT_TRUE(second.resume());
  ASSERT_TRUE(second.run_until_idle());
  const auto write = [&](const std::string& status, const std::string& message) {
    EXPECT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
      auto region = objects::get<v1::Region>(txn, "lab").value().value();
      region.mutable_status()->mutable_conditions(0)->set_status(status);
      region.mutable_status()->mutable_conditions(0)->set_message(message);
      return objects::put_status(txn, region) ? Result<>() : fail(Code::kInternal, "not written");
    }));
    return second.run_until_idle().value();
  };
  EXPECT_EQ(write("True", "something"), 0u) << "no deployment shows that";
  const auto steps = write("False", "away");
  EXPECT_GE(steps, 10u);
  EXPECT_LE(steps, 32u) << "the status of each of ten deployments, and what follows from it";
}

TEST(Manager, AReportThatShowsNothingNewWakesNobodyWhoSharesIt) {
  World world;
  settle_with(world, 30);
  controllers::Manager manager(world.store, world.clock, counter());
  manager.start_after(world.store.snapshot().value()->revision());
  const auto report = [&](const std::string& state, unsigned attempts) {
    const auto done = world.store.transact([&](Txn& txn) -> Result<> {
      auto shared = *TRY(objects::get<v1::Resource>(txn, "lab.-.-.container-host.default"));
      shared.mutable_status()->set_state(state);
      shared.mutable_status()->set_attempts(attempts);
      TRY(objects::put_status(txn, shared));
      return {};
    });
    EXPECT_TRUE(done);
    return manager.run_until_idle().value();
  };
  EXPECT_GE(report("Ready", 1), 30u);  // the first that this manager sees
  EXPECT_EQ(report("Ready", 2), 0u);
  EXPECT_GE(report("Stalled", 3), 30u);
  EXPECT_EQ(world.state("app-7.default"), "Stalled 1");
  EXPECT_EQ(report("Stalled", 4), 0u);
  EXPECT_GE(report("Ready", 5), 30u);
  EXPECT_EQ(world.state("app-7.default"), "Ready 1");
}

TEST(Manager, WhatWasUnfinishedIsFoundAmongThousandsAPageAtATime) {
  World world;
  constexpr int kAll = 1'203;
  ASSERT_TRUE(world.store.transact([](Txn& txn) -> Result<> {
    for (int i = 0; i < kAll; ++i) {
      v1::Deployment deployment;
      deployment.mutable_metadata()->set_name(fmt::format("app-{:04}.lab", i));
      deployment.mutable_metadata()->set_generation(1);
      auto& status = *deployment.mutable_status();
      status.set_state(i % 400 == 0 ? "RollingOut" : "Ready");
      auto& resolved = *status.add_conditions();
      resolved.set_type("Resolved");
      resolved.set_observed_generation(1);
      const auto name = deployment.metadata().name();
      txn.put("o/deployments/" + name, i == 7 ? std::string("garbage") : deployment.SerializeAsString());
    }
    v1::Application application;
    application.mutable_metadata()->set_name("app-0001");
    application.mutable_metadata()->set_generation(2);
    txn.put("o/applications/app-0001", application.SerializeAsString());
    return {};
  }));
  controllers::UnfinishedSearch search;
  std::set<std::string> found;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const auto reader = world.store.snapshot().value();
    more = search.next(*reader, [&](const controllers::Key& key) { found.insert(key.name); }).value();
  }
  EXPECT_EQ(found, (std::set<std::string>{"app-0000.lab", "app-0001", "app-0400.lab", "app-0800.lab",
                                          "app-1200.lab"}));
  EXPECT_EQ(pages, 5);
}

TEST(Manager, LooksAtEverythingWhereTheLogNoLongerReachesBack) {
  World world;
  world.join("lab");
  world.settle();
  controllers::Manager late(world.store, world.clock, counter());
  late.start_after(1);
  world.apply(app(1));
  ASSERT_TRUE(world.compact(world.store.snapshot().value()->revision()));
  ASSERT_TRUE(late.run_until_idle());
  const auto found = world.resources();
  EXPECT_NE(std::ranges::find(found, "lab.default.app-1.workload.web"), found.end());
}

// What was seen before the log was cut says nothing about what comes after.
TEST(Manager, WhatChangedBackAfterACompactionIsANewChange) {
  World world;
  settle_with(world, 3);
  controllers::Manager manager(world.store, world.clock, counter());
  ASSERT_TRUE(manager.resume());
  ASSERT_TRUE(manager.run_until_idle());
  const auto write = [&](const std::string& status, const std::string& message) {
    EXPECT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
      auto region = objects::get<v1::Region>(txn, "lab").value().value();
      region.mutable_status()->mutable_conditions(0)->set_status(status);
      region.mutable_status()->mutable_conditions(0)->set_message(message);
      return objects::put_status(txn, region) ? Result<>() : fail(Code::kInternal, "not written");
    }));
  };
  write("False", "away");
  ASSERT_TRUE(manager.run_until_idle());
  write("True", "");
  ASSERT_TRUE(world.compact(world.store.snapshot().value()->revision() + 1));
  ASSERT_TRUE(manager.run_until_idle());
  write("False", "away");
  EXPECT_GE(manager.run_until_idle().value(), 3u) << "the status of each deployment";
}

TEST(Manager, ObjectsThatCannotBeReadStopNobodyElse) {
  World world;
  world.join("lab");
  world.settle();
  controllers::Manager following(world.store, world.clock, counter());
  ASSERT_TRUE(following.resume());
  ASSERT_TRUE(following.run_until_idle());
  ASSERT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
    for (const char* kind : {"environments", "regions", "resources", "deployments", "profiles", "agents"})
      txn.put(keys::object(kind, "damaged"), "\xff\xff\xff");
    return {};
  }));
  world.apply(app(1));
  ASSERT_TRUE(following.run_until_idle());
  EXPECT_TRUE(world.get<v1::Resource>("lab.default.app-1.workload.web"));
  // Nor one that starts over such a store.
  world.apply(app(2));
  controllers::Manager fresh(world.store, world.clock, counter());
  ASSERT_TRUE(fresh.resume());
  ASSERT_TRUE(fresh.run_until_idle());
  EXPECT_TRUE(world.get<v1::Resource>("lab.default.app-2.workload.web"));
  // A region that comes is still given to the environments that can be read.
  world.join("lab-2");
  ASSERT_TRUE(fresh.run_until_idle());
  const auto regions = world.at<v1::Environment>("default").status().regions();
  EXPECT_NE(std::ranges::find(regions, "lab-2"), regions.end());
}

// A disk that fails for a moment.
class FailingReader final : public Reader {
 public:
  explicit FailingReader(const Reader& reader) : reader_(reader) {}
  Revision revision() const override { return reader_.revision(); }
  Result<std::optional<Entry>> get(std::string_view key) const override { return reader_.get(key); }
  Result<std::vector<Entry>> scan(const Range&) const override {
    return fail(Code::kUnavailable, "the disk fails");
  }

 private:
  const Reader& reader_;
};

TEST(ChangeMap, WhatFailedOnTheWayIsLookedAtAgain) {
  World world;
  settle_with(world, 2);
  const auto reader = world.store.snapshot().value();
  auto environment = world.at<v1::Environment>("default");
  Change change{.revision = reader->revision() + 1, .key = keys::object("environments", "default")};
  change.value = environment.SerializeAsString();
  controllers::ChangeMap map;
  controllers::TouchedRegions touched;
  EXPECT_FALSE(map.keys_of(FailingReader(*reader), change, touched));
  const auto keys = map.keys_of(*reader, change, touched);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->contains({controllers::Controller::kEnvironment, "default"}));
}

}  // namespace
}  // namespace qleet::hub::tests
