// Random histories of who needs what, over agents that take their time, beside a reference model of need.
//
//   bin/lifecycle_histories_test                          the default share
//   QLEET_HISTORIES=10000 bin/lifecycle_histories_test    so many
//   QLEET_HISTORY=4711 bin/lifecycle_histories_test       this one alone, telling what happens
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <iostream>

#include "hub/controllers/conditions.h"
#include "tests/unit/histories/late_agents.h"
#include "tests/unit/histories/need_check.h"
#include "tests/unit/histories/options.h"
#include "tests/unit/histories/program.h"

namespace qleet::hub::tests {
namespace {

constexpr std::uint64_t kHistories = 1'000;

class History {
 public:
  explicit History(std::uint64_t seed)
      : dice_(seed), scene_(seed), agents_(dice_), program_(dice_, scene_.caller) {}

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

 private:
  void begin() {
    program_.begin(scene_);
    for (const auto& region : program_.regions()) agents_.join(region);
    settle("begin");
  }

  void settle(const std::string& what, const std::string& by_hand = {}) {
    log_.push_back(what);
    // Nothing was written and no time passed: it is as it was.
    if (scene_.revision() == looked_at_ && scene_.clock.wall() == looked_when_) return;
    scene_.run();
    looked_at_ = scene_.revision();
    looked_when_ = scene_.clock.wall();
    auto found = check_.look(scene_, agents_.take_erased(), by_hand);
    wrong_.insert(wrong_.end(), found.begin(), found.end());
  }

  void happen() {
    const auto at = dice_.below(100);
    if (at < 72) {
      const auto step = program_.next(scene_);
      const auto done = step.act(scene_.context());
      settle(step.text + (done ? "" : "\n    refused: " + done.error().message), done ? step.erases : "");
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
    for (const auto& app : scene_.all<v1::Application>()) {
      const auto& kind = model::kind_of(app);
      const auto done = frontend::erase(scene_.context(), scene_.caller, kind, app.metadata().name());
      if (!done) wrong_.push_back(done.error().message);
    }
    settle("delete all applications");
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
      if (state != "Ready" || deployment.spec().release() != deployment.status().release())
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
        if (resource.spec().when_unused().do_() != "retain")
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
  NeedCheck check_;
  Revision looked_at_ = 0;
  WallTime looked_when_{};
  std::vector<std::string> log_;
  std::vector<std::string> wrong_;
};

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
  for (std::uint64_t seed = 1; seed <= count && failed < most; ++seed) {
    const auto wrong = History(seed).run();
    if (wrong.empty()) continue;
    ++failed;
    ADD_FAILURE() << "history " << seed << ": " << wrong << "again: QLEET_HISTORY=" << seed
                  << " bin/lifecycle_histories_test";
  }
}

}  // namespace
}  // namespace qleet::hub::tests
