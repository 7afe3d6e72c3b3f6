// Random histories of who needs what, over agents that take their time, beside a reference model of need.
//
//   bin/lifecycle_histories_test                          the default share
//   QLEET_HISTORIES=10000 bin/lifecycle_histories_test    so many
//   QLEET_HISTORY=4711 bin/lifecycle_histories_test       this one alone, telling what happens
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>

#include "common/model/model.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/resources.h"
#include "tests/unit/histories/late_agents.h"
#include "tests/unit/histories/meetings.h"
#include "tests/unit/histories/need_check.h"
#include "tests/unit/histories/options.h"
#include "tests/unit/histories/program.h"

namespace qleet::hub::tests {
namespace {

constexpr std::uint64_t kHistories = 1'000;

class History {
 public:
  // Sabotage: the hub takes all data for what may go.
  static constexpr bool kCareless = true;
  explicit History(std::uint64_t seed, bool careless = false)
      : dice_(seed), scene_(seed), agents_(dice_), program_(dice_, scene_.caller), careless_(careless) {}

  // Empty, or what went wrong after what.
  std::string run() {
    try {
      begin();
      const auto steps = 6 + dice_.below(14);
      for (size_t i = 0; i < steps && wrong_.empty(); ++i) happen();
      if (wrong_.empty()) end();
    } catch (const std::exception& broken) {
      wrong_.push_back(broken.what());
    }
    if (wrong_.empty()) return {};
    return fmt::format("{}\nafter:\n  {}\n", fmt::join(wrong_, "\n"), fmt::join(log_, "\n  "));
  }
  const std::vector<std::string>& log() const { return log_; }
  // How often something that was rolled back was looked at after what must not undo it.
  size_t held_looks() const { return held_looks_; }

 private:
  void begin() {
    program_.begin(scene_);
    for (const auto& region : program_.regions()) agents_.join(region);
    settle("begin");
  }

  void settle(const std::string& what, const std::string& by_hand = {}, const std::string& with_data = {}) {
    log_.push_back(what);
    // Nothing was written and no time passed: it is as it was.
    if (scene_.revision() == looked_at_ && scene_.clock.wall() == looked_when_) return;
    scene_.run();
    looked_at_ = scene_.revision();
    looked_when_ = scene_.clock.wall();
    auto found = check_.look(scene_, agents_.take_erased(), by_hand, with_data);
    wrong_.insert(wrong_.end(), found.begin(), found.end());
    expect_held(what.starts_with("apply") || what.starts_with("approve") || what.starts_with("roll back"));
  }

  // Builds, time, profiles and other environments do not undo a rollback: only who applies, approves, or
  // rolls back again does.
  void expect_held(bool undone_by_hand) {
    std::map<std::string, std::uint32_t> held;
    for (const auto& deployment : scene_.all<v1::Deployment>()) {
      const auto& spec = deployment.spec();
      const auto before = held_.find(deployment.metadata().name());
      if (before != held_.end() && !undone_by_hand && !spec.deleted()) {
        ++held_looks_;
        if (!spec.rolled_back() || spec.release() != before->second)
          wrong_.push_back(fmt::format("{} was rolled back to release {}, and wants {} now",
                                       deployment.metadata().name(), before->second, spec.release()));
      }
      if (spec.rolled_back() && !spec.deleted()) held[deployment.metadata().name()] = spec.release();
    }
    held_ = std::move(held);
  }

  void let_data_go() {
    const auto done = scene_.write([&](Txn& txn) -> Result<> {
      controllers::Work work{txn, {scene_.clock.wall(), scene_.random}};
      for (const auto& resource : TRY(objects::list<v1::Resource>(txn)))
        if (resource.spec().type() == "volume")
          TRY(controllers::let_data_go(work, resource.metadata().name(), "nobody"));
      return {};
    });
    if (!done) throw Broken(done.error().message);
  }

  void happen() {
    if (careless_) let_data_go();
    const auto at = dice_.below(100);
    if (at < 72) {
      const auto step = program_.next(scene_);
      const auto done = step.act(scene_.context());
      settle(step.text + (done ? "" : "\n    refused: " + done.error().message), done ? step.erases : "",
             done ? step.erases_data_of : "");
    } else if (at < 82) {
      const auto by = dice_.pick({"20", "45", "90", "700", "4000", "90000"});
      scene_.clock.advance(Millis(1000 * std::stol(by)));
      settle(by + " s pass");
    } else if (at < 88) {
      const auto& region = dice_.pick(program_.regions());
      const bool away = dice_.chance(50);
      agents_.set_away(region, away);
      scene_.set_agent(region, away ? "Lost" : "Connected");
      settle(fmt::format("the agent of {} {}", region, away ? "goes away" : "is there"));
    } else {
      finish();
    }
    for (auto steps = dice_.below(8); steps > 0 && wrong_.empty(); --steps) {
      agents_.step(scene_);
      settle("an agent does something");
    }
  }

  // Agents do what is left to do, as far as they are there.
  void finish() {
    for (int round = 0; wrong_.empty(); ++round) {
      const bool acted = agents_.finish(scene_);
      settle("the agents do what is left");
      if (!acted) return;
      if (round > 200) return wrong_.push_back("agents and controllers do not come to rest");
    }
  }

  // Everything that somebody wants is there; then nobody wants anything.
  void end() {
    for (const auto& region : program_.regions()) {
      agents_.set_away(region, false);
      scene_.set_agent(region, "Connected");
    }
    finish();
    wanted_is_there();
    for (auto environment : scene_.all<v1::Environment>()) {
      environment.mutable_spec()->clear_protect();
      std::vector<model::Object> objects;
      objects.emplace_back(environment.New())->CopyFrom(environment);
      if (const auto done = frontend::apply(scene_.context(), scene_.caller, objects); !done)
        wrong_.push_back(done.error().message);
    }
    settle("no environment protects its data");
    finish();
    for (const auto& app : scene_.all<v1::Application>()) {
      const auto& kind = model::kind_of(app);
      const auto& name = app.metadata().name();
      const bool with_data = dice_.chance(50);
      const auto done =
          frontend::erase(scene_.context(), scene_.caller, kind, name, {.delete_data = with_data});
      if (!done) wrong_.push_back(done.error().message);
      settle("delete application " + name, "", with_data ? name : "");
    }
    finish();
    // Grace periods follow one another down the graph.
    for (int level = 0; level < 8 && wrong_.empty(); ++level) {
      scene_.clock.advance(std::chrono::minutes(61));
      settle("61 min pass");
      finish();
    }
    retained_goes_by_hand();
    if (!wrong_.empty()) return;
    wrong_ = NeedCheck::look_for_leaks(scene_);
    for (const auto& name : agents_.held()) wrong_.push_back("an agent still holds " + name);
  }

  void wanted_is_there() {
    for (const auto& deployment : scene_.all<v1::Deployment>()) {
      const auto& state = deployment.status().state();
      const auto& name = deployment.metadata().name();
      if (state == "Blocked" || state == "AwaitingApproval" || state == "AwaitingEnvironment") continue;
      const auto* ready = controllers::find_condition(deployment.status().conditions(), "Ready");
      // What had no time to become ready is gone back from; what serves then is there.
      const auto* wanted = deployment.spec().returned_from() == 0 ? "Ready" : "Returned";
      if (state != wanted || deployment.spec().release() != deployment.status().release())
        wrong_.push_back(fmt::format("deployment {} is {} in the end: {}", name, state, ready->message()));
    }
  }

  // What is retained stays, with what it needs, until somebody deletes it.
  void retained_goes_by_hand() {
    for (bool any = true; any && wrong_.empty();) {
      any = false;
      for (const auto& resource : scene_.all<v1::Resource>()) {
        const auto& name = resource.metadata().name();
        if (!resource.status().has_unused_since() || resource.spec().deleted()) continue;
        if (!NeedCheck::stays(*scene_.store->snapshot().value(), resource.spec()))
          return wrong_.push_back(name + " is left in the end, and is not to be retained");
        const auto& kind = model::kind_of(resource);
        const auto done = frontend::erase(scene_.context(), scene_.caller, kind, name);
        if (!done) return wrong_.push_back(done.error().message);
        settle("delete resource " + name, name);
        any = true;
      }
      finish();
      for (int level = 0; level < 5 && wrong_.empty(); ++level) {
        scene_.clock.advance(std::chrono::minutes(61));
        settle("61 min pass");
        finish();
      }
    }
  }

  Dice dice_;
  Scene scene_;
  LateAgents agents_;
  Program program_;
  const bool careless_;
  NeedCheck check_;
  Revision looked_at_ = 0;
  WallTime looked_when_{};
  std::map<std::string, std::uint32_t> held_;  // deployments that were rolled back -> their release
  size_t held_looks_ = 0;
  std::vector<std::string> log_;
  std::vector<std::string> wrong_;
};

// The oracle notices when data goes although nobody asked for it.
TEST(LifecycleHistories, DataThatGoesUnaskedIsFoundOut) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    if (History(seed, History::kCareless).run().find("nobody asked") != std::string::npos) ++found;
  EXPECT_GT(found, 10u);
}

// Sabotage: a workload is given what is closed to it, past the resolver.
TEST(LifecycleHistories, WhatAWorkloadMayNotAskForIsNoticed) {
  Scene scene(1);
  const auto done = scene.store->transact([](Txn& txn) -> Result<> {
    v1::Resource workload;
    workload.mutable_metadata()->set_name("a.dev.shop.workload.web");
    workload.mutable_spec()->set_type("workload");
    (*workload.mutable_spec()->mutable_dependencies())["my-vault"] = "a.dev.-.vault.default";
    TRY(objects::put(txn, workload, {WallTime{}, [] { return std::uint64_t{1}; }}));
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  const auto found = NeedCheck().look(scene, {}, "");
  EXPECT_TRUE(std::ranges::any_of(found, [](const std::string& what) {
    return what.find("which it may not ask for") != std::string::npos;
  }));
}

// Sabotage: the hub goes back from a release that was ready.
TEST(LifecycleHistories, AGoodReleaseThatIsLeftIsNoticed) {
  Scene scene(1);
  const auto left = [&] {
    const auto found = NeedCheck().look(scene, {}, "");
    return std::ranges::any_of(found, [](const std::string& what) {
      return what == "shop.dev went back from release 2, which was ready";
    });
  };
  const auto done = scene.store->transact([](Txn& txn) -> Result<> {
    const objects::Stamp stamp{WallTime{}, [] { return std::uint64_t{1}; }};
    v1::Release release;
    release.mutable_metadata()->set_name("shop.2");
    release.mutable_status()->set_tracked(true);
    release.mutable_status()->add_ready_in("dev");
    TRY(objects::put(txn, release, stamp));
    v1::Deployment deployment;
    deployment.mutable_metadata()->set_name("shop.dev");
    deployment.mutable_spec()->set_application("shop");
    deployment.mutable_spec()->set_environment("dev");
    deployment.mutable_spec()->set_release(1);
    deployment.mutable_spec()->set_returned_from(2);
    TRY(objects::put(txn, deployment, stamp));
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(left());
}

TEST(LifecycleHistories, NothingLeaksAndNothingGoesEarly) {
  if (const auto one = number_from("QLEET_HISTORY", 0); one != 0) {
    History history(one);
    const auto wrong = history.run();
    for (const auto& line : history.log()) std::cout << line << "\n";
    EXPECT_EQ(wrong, "");
    return;
  }
  const auto count = number_from("QLEET_HISTORIES", kHistories);
  const auto most = number_from("QLEET_HISTORY_FAILURES", 1);
  std::uint64_t failed = 0;
  size_t held = 0;
  for (std::uint64_t seed = 1; seed <= count && failed < most; ++seed) {
    History history(seed);
    const auto wrong = history.run();
    held += history.held_looks();
    if (wrong.empty()) continue;
    ++failed;
    ADD_FAILURE() << "history " << seed << ": " << wrong << "again: QLEET_HISTORY=" << seed
                  << " bin/lifecycle_histories_test";
  }
  std::cout << "looks at what was rolled back: " << held << "\n";
  EXPECT_GT(held, 0u) << "nothing was rolled back, so that nothing is shown of it";
}

// That the check can fail: two applications get one place, and one a place below another's host, behind the
// resolver's back.
TEST(Traffic, ThatReachesAnotherApplicationIsFound) {
  Need need;
  Traffic traffic;
  const auto add = [&](const std::string& app, const std::string& path, std::int64_t made) {
    auto route = std::make_shared<v1::Resource>();
    route->mutable_metadata()->mutable_creation_timestamp()->set_seconds(made);
    auto& spec = *route->mutable_spec();
    spec.set_region("a");
    spec.set_environment("dev");
    spec.set_application(app);
    spec.set_type("route");
    (*spec.mutable_params()->mutable_fields())["host"].set_string_value("a.example");
    (*spec.mutable_params()->mutable_fields())["path"].set_string_value(path);
    const auto name = fmt::format("a.dev.{}.route.{}", app, path.substr(1));
    need.resources[name] = route;
    need.serving.insert(name);
  };
  add("shop", "/", 1);
  EXPECT_EQ(traffic.look(need), std::vector<std::string>());
  add("cart", "/docs", 2);
  EXPECT_EQ(traffic.look(need),
            std::vector<std::string>{"a a.example/docs was given to cart in dev, and the host is "
                                     "that of shop in dev, which does not share it"});
  EXPECT_EQ(traffic.look(need), std::vector<std::string>()) << "who has a place keeps it";
  need.serving.erase("a.dev.cart.route.docs");
  add("blog", "/", 3);
  EXPECT_EQ(traffic.look(need).size(), 2U);
}

// That the check can fail: a workload is made to hold another's, behind the resolver's back.
TEST(Meetings, AreFound) {
  Scene scene(1);
  scene.join("a", "a");
  const auto objects = model::decode(R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: default}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: workload}
spec: {satisfies: {type: workload}, default: true, provider: container}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: disk}
spec: {satisfies: {type: disk}, scope: application, default: true, provider: container, outputs: {name: x}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web: {score: {containers: {main: {image: i}}, resources: {api-db: {type: disk}, all: {type: disk, id: all}}}}
    web-api: {score: {containers: {main: {image: i}}, resources: {db: {type: disk}, all: {type: disk, id: all}}}}
)");
  ASSERT_TRUE(objects) << objects.error().message;
  ASSERT_TRUE(frontend::apply(scene.context(), scene.caller, *objects));
  scene.run();
  const auto found = [&] {
    Parsed parsed;
    const auto reader = scene.store->snapshot().value();
    return unwanted_meetings(*reader, need_of(*reader, parsed));
  };
  EXPECT_EQ(found(), std::vector<std::string>());
  const auto done = scene.write([&](Txn& txn) -> Result<> {
    controllers::Work work{txn, {scene.clock.wall(), scene.random}};
    const std::string name = "a.default.shop.workload.web-api";
    auto spec = TRY(objects::get<v1::Resource>(txn, name))->spec();
    (*spec.mutable_dependencies())["db"] = "a.default.shop.disk.web.api-db";
    TRY(controllers::put_resource(work, name, spec));
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(found(),
            std::vector<std::string>{
                "a.default.shop.disk.web.api-db is held by a.default.shop.workload.web as api-db (without an "
                "id), a.default.shop.workload.web-api as db (without an id), who did not all ask by id"});
}

}  // namespace
}  // namespace qleet::hub::tests
