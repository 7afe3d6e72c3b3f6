#include "tests/chaos/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/chaos/chance.h"

namespace qleet::chaos {
namespace {

class Maker {
 public:
  explicit Maker(const ProgramOptions& options) : chance_(options.seed) {
    program_.options = options;
    // Each on its own track: more of one changes nothing of the others.
    std::vector<Chance> tracks;
    for (int i = 0; i < options.actors; ++i) tracks.emplace_back(chance_.next());
    for (int i = 0; i < options.actors; ++i) make_steps(i, tracks[static_cast<std::size_t>(i)]);
    make_faults();
    std::ranges::sort(program_.steps, {}, [](const Step& step) { return std::pair(step.at, step.mark); });
  }
  Program take() { return std::move(program_); }

 private:
  static WorkloadWish random_workload(Chance& chance) {
    return {.mark = 0,
            .replicas = static_cast<int>(chance.between(1, 3)),
            .database = chance.percent(50),
            .cache = chance.percent(60) ? chance.of<std::string>({"sessions", "cache"}) : "",
            .route = chance.percent(40)};
  }

  // What changes carries the step's mark from now on; the rest keeps its own.
  static void change(AppWish& app, long mark, Chance& chance) {
    const long what = app.workloads.empty() ? 100 : chance.between(1, 100);
    auto at = app.workloads.begin();
    if (!app.workloads.empty())
      std::advance(at, chance.between(0, static_cast<long>(app.workloads.size()) - 1));
    if (what > 60 && what <= 70 && app.workloads.size() > 1) {
      app.workloads.erase(at);
    } else if (what <= 70) {
      if (what > 45) at->second = random_workload(chance);
      at->second.mark = mark;
    } else {
      WorkloadWish& workload = app.workloads[chance.of<std::string>({"web", "api", "worker"})];
      workload = random_workload(chance);
      workload.mark = mark;
    }
    app.mark = mark;
  }

  void make_steps(int actor, Chance& chance) {
    const std::vector<std::string> names = {fmt::format("app-{}a", actor), fmt::format("app-{}b", actor)};
    std::map<std::string, AppWish> apps;
    long mark = (actor + 1) * 10'000;
    for (long at = 0; at < program_.options.millis; at += chance.between(50, 600)) {
      const std::string& name = chance.of(names);
      Step step{
          .at = at, .actor = actor, .act = Step::Act::kApply, .subject = name, .mark = ++mark, .app = {}};
      if (apps.contains(name) && chance.percent(20)) {
        step.act = Step::Act::kDelete;
        apps.erase(name);
      } else {
        AppWish& app = apps[name];
        app.environments = {"default"};
        change(app, mark, chance);
        step.app = app;
      }
      program_.steps.push_back(std::move(step));
    }
  }

  void make_faults() {
    Chance chance(chance_.next());
    std::vector<std::string> targets = {"hub", "hub", "nats"};
    targets.insert(targets.end(), program_.options.agents.begin(), program_.options.agents.end());
    std::map<std::string, long> busy;  // one fault at a time for each
    for (long at = 300; at < program_.options.millis; at += chance.between(150, 1'200)) {
      const std::string& target = chance.of(targets);
      Fault fault{.at = at,
                  .kind = chance.percent(60) ? Fault::Kind::kKill : Fault::Kind::kPause,
                  .target = target,
                  .millis = chance.percent(70) ? chance.between(0, 400) : chance.between(500, 3'000)};
      if (busy[target] > at) continue;
      busy[target] = at + fault.millis + 100;
      program_.faults.push_back(fault);
    }
  }

  Program program_;
  Chance chance_;
};

}  // namespace

Program make_program(const ProgramOptions& options) { return Maker(options).take(); }

Wish first_wish(const ProgramOptions& options) {
  Wish wish;
  wish.environments["default"] = "";
  for (const auto& agent : options.agents) wish.regions[agent] = "";
  return wish;
}

Wish last_wish(const Program& program) {
  Wish wish = first_wish(program.options);
  for (const auto& step : program.steps) {
    if (step.act == Step::Act::kApply) wish.apps[step.subject] = step.app;
    if (step.act == Step::Act::kDelete) wish.apps.erase(step.subject);
  }
  return wish;
}

std::string text(const Step& step) {
  std::string out = fmt::format("{:>7} ms  actor {}  ", step.at, step.actor);
  if (step.act == Step::Act::kDelete)
    return out + fmt::format("delete {}  (mark {})", step.subject, step.mark);
  out += fmt::format("apply  {}  (mark {})", step.subject, step.mark);
  for (const auto& [name, its] : step.app.workloads)
    out += fmt::format(" {}[mark {}{}{}{} x{}]", name, its.mark, its.database ? " db" : "",
                       its.cache.empty() ? "" : " " + its.cache, its.route ? " route" : "", its.replicas);
  return out;
}

std::string kind_of(const Fault& fault) {
  const std::string target = fault.target == "hub" || fault.target == "nats" ? fault.target : "agent";
  return (fault.kind == Fault::Kind::kKill ? "kill " : "pause ") + target;
}

std::string text(const Fault& fault) {
  return fmt::format("{:>7} ms  FAULT  {} {} for {} ms", fault.at,
                     fault.kind == Fault::Kind::kKill ? "kill -9" : "pause", fault.target, fault.millis);
}

std::string text(const Program& program) {
  std::multimap<long, std::string> lines;
  for (const auto& step : program.steps) lines.emplace(step.at, text(step));
  for (const auto& fault : program.faults) lines.emplace(fault.at, text(fault));
  std::string out;
  for (const auto& [_, line] : lines) out += line + "\n";
  return out;
}

}  // namespace qleet::chaos
