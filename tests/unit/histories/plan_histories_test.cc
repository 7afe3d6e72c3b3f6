// Plan equals apply: in random worlds, at rest or in the middle of things, plan says what the operation then
// does, is refused as it is, and writes nothing.
//
//   bin/plan_histories_test                            the default share
//   QLEET_PLAN_WORLDS=5000 bin/plan_histories_test     so many worlds, several plans in each
//   QLEET_PLAN_WORLD=4711 bin/plan_histories_test      this one alone, telling what happens
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/unit/histories/foreseen.h"
#include "tests/unit/histories/options.h"
#include "tests/unit/histories/program.h"

namespace qleet::hub::tests {
namespace {

constexpr std::uint64_t kWorlds = 300;

std::vector<std::string> everything_in(const Scene& scene) {
  std::vector<std::string> all;
  for (const auto& entry : scene.store->snapshot().value()->scan({}).value())
    all.push_back(fmt::format("{} {} {}", entry.key, entry.revision, entry.value));
  return all;
}

template <class T>
std::string joined(const google::protobuf::RepeatedPtrField<T>& items) {
  std::string text;
  for (const auto& item : items) text += item.ShortDebugString() + "\n";
  return text;
}

class PlannedWorld {
 public:
  explicit PlannedWorld(std::uint64_t seed)
      : seed_(seed), dice_(seed), scene_(seed), agents_(dice_), program_(dice_, scene_.caller) {}

  std::string run() {
    try {
      program_.begin(scene_);
      for (const auto& region : program_.regions()) agents_.join(region);
      scene_.run();
      for (size_t left = 2 + dice_.below(8); left > 0; --left) happen();
      for (int probe = 0; probe < 4 && wrong_.empty(); ++probe) {
        if (dice_.chance(40)) come_to_rest();
        compare(program_.next(scene_));
      }
    } catch (const std::exception& broken) {
      wrong_.push_back(broken.what());
    }
    if (wrong_.empty()) return {};
    return fmt::format("{}\nafter:\n  {}\n", fmt::join(wrong_, "\n"), fmt::join(log_, "\n  "));
  }
  const std::vector<std::string>& log() const { return log_; }
  size_t refused() const { return refused_; }
  size_t rested() const { return rested_; }
  size_t busy() const { return busy_; }
  // Plans that what was under way elsewhere has overtaken.
  size_t overtaken() const { return overtaken_; }

 private:
  void happen() {
    const auto at = dice_.below(100);
    if (at < 80) {
      const auto step = program_.next(scene_);
      const auto done = step.act(scene_.context());
      log_.push_back(step.text + (done ? "" : "\n    refused: " + done.error().message));
    } else if (at < 90) {
      const auto by = dice_.pick({"20", "45", "700", "4000"});
      scene_.clock.advance(Millis(1000 * std::stol(by)));
      log_.push_back(by + " s pass");
    } else {
      const auto& region = dice_.pick(program_.regions());
      const bool away = dice_.chance(50);
      agents_.set_away(region, away);
      scene_.set_agent(region, away ? "Lost" : "Connected");
      log_.push_back(fmt::format("the agent of {} {}", region, away ? "goes away" : "is there"));
    }
    scene_.run();
    for (auto steps = dice_.below(12); steps > 0; --steps) {
      agents_.step(scene_);
      scene_.run();
    }
  }

  void come_to_rest() {
    log_.push_back("the agents do what is left");
    do {
      scene_.run();
    } while (agents_.finish(scene_));
  }

  // How it ends from here, without the operation or with it.
  Standings ending(const Step* step, Result<v1::PlanResult>& answer) {
    auto copy = scene_.fork(seed_ + 1);
    auto agents = agents_;
    if (step != nullptr) answer = step->act(copy->context());
    settle_for_good(*copy, agents, program_.regions());
    return standings_of(*copy);
  }

  void compare(const Step& step) {
    for (const auto& deployment : scene_.all<v1::Deployment>()) {
      log_.push_back(fmt::format("{}: {} {}", deployment.metadata().name(),
                                 deployment.spec().ShortDebugString(), deployment.status().state()));
      for (const auto& region : deployment.status().regions())
        log_.back() += "\n    " + region.ShortDebugString();
    }
    log_.push_back("plan: " + step.text);
    const auto stored = everything_in(scene_);
    const auto planned = frontend::plan(scene_.context(), step.plan);
    if (everything_in(scene_) != stored) wrong_.push_back("plan wrote to the store");
    const auto before = standings_of(scene_);
    Result<v1::PlanResult> answer = fail(Code::kInternal, "not asked");
    const auto with = ending(&step, answer);
    if (!planned || !answer) {
      ++refused_;
      const auto text = [](const Result<v1::PlanResult>& result) {
        return result ? "done"
                      : fmt::format("{} {}", static_cast<int>(result.error().code), result.error().message);
      };
      if (text(planned) != text(answer))
        wrong_.push_back(fmt::format("plan says: {}; the operation: {}", text(planned), text(answer)));
      return;
    }
    if (joined(planned->objects()) != joined(answer->objects()))
      wrong_.push_back(fmt::format("objects of the plan:\n{}of the operation:\n{}",
                                   joined(planned->objects()), joined(answer->objects())));
    if (joined(planned->releases()) != joined(answer->releases()))
      wrong_.push_back(fmt::format("releases of the plan:\n{}of the operation:\n{}",
                                   joined(planned->releases()), joined(answer->releases())));
    for (const auto& warning : answer->warnings()) {
      if (std::ranges::find(planned->warnings(), warning) == planned->warnings().end())
        wrong_.push_back("the plan does not warn: " + warning);
    }
    const bool quiet = resources(*planned, before, with);
    // A rollout that was under way already may go on with the operation: what it leaves behind was said
    // before.
    if (step.tells_data && (quiet || !answer->data().empty()) &&
        joined(planned->data()) != joined(answer->data()))
      wrong_.push_back(fmt::format("data in the plan:\n{}in the answer:\n{}", joined(planned->data()),
                                   joined(answer->data())));
    if (!wrong_.empty()) log_.push_back(planned->text());
    (void)step.act(scene_.context());
    scene_.run();
  }

  // Nothing is under way: without the operation all stays as it is.
  bool at_rest(const Standings& before, const Standings& without) const {
    for (const auto& deployment : scene_.all<v1::Deployment>()) {
      const auto& state = deployment.status().state();
      if (state == "RollingOut" || state == "Stalled" || state == "Deleting") return false;
    }
    return before.size() == without.size() && std::ranges::all_of(before, [&](const auto& entry) {
             return action(before, without, entry.first).empty();
           });
  }

  // True: nothing was under way.
  bool resources(const v1::PlanResult& planned, const Standings& before, const Standings& with) {
    Result<v1::PlanResult> nothing = fail(Code::kInternal, "not asked");
    const auto without = ending(nullptr, nothing);
    const bool quiet = at_rest(before, without);
    ++(quiet ? rested_ : busy_);
    std::map<std::string, std::string> said;
    std::vector<std::string> differ;
    for (const auto& place : planned.places()) {
      for (const auto& change : place.changes())
        said[change.resource()] = change.action() == "restart" ? "change" : change.action();
    }
    std::set<std::string> names;
    for (const auto* all : {&before, &with, &without})
      for (const auto& [name, standing] : *all) names.insert(name);
    for (const auto& [name, what] : said) names.insert(name);
    for (const auto& name : names) {
      const auto happens = action(before, with, name);
      const auto& told = said[name];
      if (told == happens) continue;
      // Under way already, and it comes to the same end: the plan need not speak of it.
      const bool anyway = action(without, with, name).empty();
      if (told.empty() && anyway) continue;
      differ.push_back(fmt::format("{}: the plan says \"{}\", what happens is \"{}\", without it \"{}\"",
                                   name, told, happens, action(before, without, name)));
    }
    if (differ.empty()) return quiet;
    if (quiet) {
      wrong_.insert(wrong_.end(), differ.begin(), differ.end());
    } else {
      ++overtaken_;
      for (const auto& line : differ) log_.push_back("overtaken: " + line);
    }
    return quiet;
  }

  const std::uint64_t seed_;
  Dice dice_;
  Scene scene_;
  LateAgents agents_;
  Program program_;
  std::vector<std::string> log_;
  std::vector<std::string> wrong_;
  size_t refused_ = 0;
  size_t rested_ = 0;
  size_t busy_ = 0;
  size_t overtaken_ = 0;
};

TEST(PlanHistories, PlanSaysWhatThenHappens) {
  if (const auto one = number_from("QLEET_PLAN_WORLD", 0); one != 0) {
    PlannedWorld world(one);
    const auto wrong = world.run();
    for (const auto& line : world.log()) std::cout << line << "\n";
    EXPECT_EQ(wrong, "");
    return;
  }
  const auto count = number_from("QLEET_PLAN_WORLDS", kWorlds);
  const auto most = number_from("QLEET_HISTORY_FAILURES", 1);
  std::uint64_t failed = 0;
  size_t refused = 0;
  size_t rested = 0;
  size_t busy = 0;
  size_t overtaken = 0;
  for (std::uint64_t seed = 1; seed <= count && failed < most; ++seed) {
    PlannedWorld world(seed);
    const auto wrong = world.run();
    refused += world.refused();
    rested += world.rested();
    busy += world.busy();
    overtaken += world.overtaken();
    if (wrong.empty()) continue;
    ++failed;
    ADD_FAILURE() << "world " << seed << ": " << wrong << "again: QLEET_PLAN_WORLD=" << seed
                  << " bin/plan_histories_test";
  }
  std::cout << fmt::format(
      "plans beside what then happened: {} refused alike, {} at rest, {} in the middle of things, {} "
      "of which something else that was under way overtook\n",
      refused, rested, busy, overtaken);
  // What else is under way is no part of a plan; it may seldom have to do with it.
  EXPECT_LE(overtaken * 50, busy);
  // Worlds that refuse nearly everything would show nothing.
  EXPECT_GT(rested + busy, refused);
}

}  // namespace
}  // namespace qleet::hub::tests
