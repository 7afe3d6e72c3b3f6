#include "tests/chaos/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/chaos/chance.h"

namespace qleet::chaos {
namespace {

using Act = Step::Act;
using Kind = Fault::Kind;

class Maker {
 public:
  explicit Maker(const ProgramOptions& options) : chance_(options.seed) {
    program_.options = options;
    // Each on its own track: more of one changes nothing of the others.
    for (int i = 0; i < options.actors; ++i) make_steps(i, Chance(chance_.next()));
    make_operator(Chance(chance_.next()));
    if (options.containers) make_real(Chance(chance_.next()));
    make_faults(Chance(chance_.next()));
    std::ranges::sort(program_.steps, {}, [](const Step& step) { return std::pair(step.at, step.mark); });
  }
  Program take() { return std::move(program_); }

 private:
  static WorkloadWish random_workload(Chance& chance) {
    return {.mark = 0,
            .build = 0,
            .replicas = static_cast<int>(chance.between(1, 3)),
            .database = chance.percent(50),
            .cache = chance.percent(60) ? chance.of<std::string>({"sessions", "cache"}) : "",
            .route = chance.percent(40)};
  }

  static const std::string& some_workload(const Content& content, Chance& chance) {
    auto at = content.begin();
    std::advance(at, chance.between(0, static_cast<long>(content.size()) - 1));
    return at->first;
  }

  // What changes carries the step's mark from now on; the rest keeps its own.
  static void change(AppWish& app, long mark, Chance& chance) {
    const long what = app.workloads.empty() ? 100 : chance.between(1, 100);
    if (what > 60 && what <= 70 && app.workloads.size() > 1) {
      app.workloads.erase(some_workload(app.workloads, chance));
    } else if (what <= 70) {
      auto& workload = app.workloads[some_workload(app.workloads, chance)];
      if (what > 45) workload = random_workload(chance);
      workload.mark = mark;
    } else {
      WorkloadWish& workload = app.workloads[chance.of<std::string>({"web", "api", "worker"})];
      workload = random_workload(chance);
      workload.mark = mark;
    }
    app.mark = mark;
  }

  // The first application of each actor comes and goes. The second one stays: it is rolled back, and approved
  // in prod. (What becomes of pins and approvals of an application that is deleted and applied again depends
  // on how far its removal has come.)
  void make_steps(int actor, Chance chance) {
    const std::string passing = fmt::format("app-{}a", actor);
    const std::string lasting = fmt::format("app-{}b", actor);
    Wish wish = first_wish(program_.options);
    std::map<std::string, std::vector<Content>> releases;
    long mark = (actor + 1) * 10'000;
    for (long at = 0; at < program_.options.millis; at += chance.between(50, 600)) {
      Step step{.at = at,
                .actor = actor,
                .act = Act::kApply,
                .subject = chance.percent(50) ? passing : lasting,
                .mark = ++mark,
                .app = {},
                .detail = {},
                .to = {},
                .environment = {}};
      const bool lasts = step.subject == lasting;
      const bool there = wish.apps.contains(step.subject);
      const long what = there ? chance.between(1, 100) : 0;
      // Other than what is the newest: back to that nothing is held.
      std::vector<Content> older;
      for (const auto& content : releases[step.subject])
        if (content != wish.head[step.subject]) older.push_back(content);
      if (what > 85 && !lasts) {
        step.act = Act::kDelete;
      } else if (what > 85 && !older.empty()) {
        step.act = Act::kRollback;
        step.to = chance.of(older);
      } else if (what > 70 && lasts && !wish.candidate[step.subject].empty()) {
        step.act = Act::kApprove;
        step.detail = wish.candidate[step.subject].begin()->first;
      } else if (what > 50) {
        step.act = Act::kBuild;
        step.detail = some_workload(wish.apps.at(step.subject).workloads, chance);
      } else {
        if (there) step.app = wish.apps.at(step.subject);
        step.app.environments = {"default"};
        if (lasts) step.app.environments.insert("prod");
        change(step.app, mark, chance);
      }
      apply(step, wish);
      if (lasts &&
          (releases[step.subject].empty() || releases[step.subject].back() != wish.head[step.subject]))
        releases[step.subject].push_back(wish.head[step.subject]);
      program_.steps.push_back(std::move(step));
    }
  }

  // Podman takes its time: fewer steps.
  void make_real(Chance chance) {
    std::map<std::string, AppWish> apps;
    long mark = 800'000;
    for (long at = 0; at < program_.options.millis; at += chance.between(400, 1'500)) {
      Step step{.at = at,
                .actor = program_.options.actors + 1,
                .act = Act::kApply,
                .subject = chance.of<std::string>({"pod-a", "pod-b"}),
                .mark = ++mark,
                .app = {},
                .detail = {},
                .to = {},
                .environment = {}};
      if (apps.contains(step.subject) && chance.percent(20)) {
        step.act = Act::kDelete;
        apps.erase(step.subject);
      } else {
        AppWish& app = apps[step.subject];
        app.environments = {kReal};
        change(app, mark, chance);
        for (auto& [_, workload] : app.workloads) workload.cache.clear(), workload.route = false;
        step.app = app;
      }
      program_.steps.push_back(std::move(step));
    }
  }

  // Regions and environments change so that every environment always has a region.
  void make_operator(Chance chance) {
    Wish wish = first_wish(program_.options);
    long mark = 900'000;
    for (long at = chance.between(300, 1'000); at < program_.options.millis;
         at += chance.between(500, 2'000)) {
      Step step{.at = at,
                .actor = program_.options.actors,
                .act = Act::kEnvironment,
                .subject = {},
                .mark = ++mark,
                .app = {},
                .detail = {},
                .to = {},
                .environment = {}};
      const long what = chance.between(1, 100);
      if (what <= 25 && program_.options.agents.size() > 2 && !program_.options.containers) {
        step.act = Act::kRegion;
        step.subject = program_.options.agents.back();
        step.detail = wish.regions.at(step.subject) == "a" ? "b" : "a";
      } else if (what <= 40) {
        step.act = Act::kProfile;
        step.subject = "postgres-noop";
      } else {
        step.subject = chance.percent(70) ? "default" : "prod";
        step.environment = wish.environments.at(step.subject);
        step.environment.tier = program_.options.agents.size() < (program_.options.containers ? 3U : 2U)
                                    ? ""
                                    : chance.of<std::string>({"", "a", "b"});
      }
      apply(step, wish);
      program_.steps.push_back(std::move(step));
    }
  }

  void make_faults(Chance chance) {
    const auto& agents = program_.options.agents;
    std::vector<std::string> targets = {"hub", "hub", "nats"};
    for (const auto& agent : agents) targets.insert(targets.end(), 2, agent);
    if (program_.options.containers) targets.insert(targets.end(), 2, "podman");
    if (program_.options.disk) targets.insert(targets.end(), 2, "disk");
    if (program_.options.clocks) targets.insert(targets.end(), 2, "clock");
    std::map<std::string, long> busy;  // one fault at a time for each
    if (program_.options.long_silence) {
      const std::string agent = chance.of(agents);
      program_.faults.push_back(
          {.at = 200,
           .kind = chance.of<Kind>({Kind::kKill, Kind::kPause, Kind::kCut, Kind::kMute}),
           .target = agent,
           .millis = 7'000});
      busy[agent] = 7'300;
      busy["hub"] = 7'300;
    }
    for (long at = 300; at < program_.options.millis; at += chance.between(150, 1'000)) {
      const std::string& target = chance.of(targets);
      Fault fault{.at = at,
                  .kind = Kind::kKill,
                  .target = target,
                  .seconds = 0,
                  .millis = chance.between(500, 3'000)};
      if (target == "disk") {
        fault.kind = Kind::kFull;
      } else if (target == "clock") {
        fault.kind = Kind::kClock;
        fault.target = chance.percent(40) ? "hub" : chance.of(agents);
        fault.seconds = chance.of<long>({-15, -5, 5, 15});
      } else {
        const bool agent = target != "hub" && target != "nats" && target != "podman";
        fault.kind =
            agent ? chance.of<Kind>({Kind::kKill, Kind::kKill, Kind::kPause, Kind::kPause, Kind::kCut,
                                     Kind::kDeaf, Kind::kMute, Kind::kSlow, Kind::kLossy, Kind::kLossy})
                  : chance.of<Kind>({Kind::kKill, Kind::kKill, Kind::kPause});
        const bool brief = fault.kind == Kind::kKill || fault.kind == Kind::kPause;
        if (brief && chance.percent(70)) fault.millis = chance.between(0, 400);
      }
      if (busy[target] > at) continue;
      busy[target] = at + fault.millis + 100;
      program_.faults.push_back(fault);
    }
  }

  Program program_;
  Chance chance_;
};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kKill:
      return "kill";
    case Kind::kPause:
      return "pause";
    case Kind::kCut:
      return "cut off";
    case Kind::kDeaf:
      return "cut off one way: not hearing";
    case Kind::kMute:
      return "cut off one way: not heard";
    case Kind::kSlow:
      return "slow link of";
    case Kind::kFull:
      return "disk full of";
    case Kind::kClock:
      return "clock jumps of";
    case Kind::kLossy:
      return "messages lost, doubled and overtaken of";
  }
  return "";
}

}  // namespace

bool Fault::silences() const {
  return kind == Kind::kKill || kind == Kind::kPause || kind == Kind::kCut || kind == Kind::kMute;
}

Program make_program(const ProgramOptions& options) { return Maker(options).take(); }

void apply(const Step& step, Wish& wish) {
  switch (step.act) {
    case Act::kApply:
      return wish.apply(step.subject, step.app);
    case Act::kDelete:
      return wish.erase(step.subject);
    case Act::kBuild:
      return wish.build(step.subject, step.detail, step.mark);
    case Act::kApprove:
      return wish.approve(step.subject, step.detail);
    case Act::kRollback:
      return wish.roll_back(step.subject, step.to);
    case Act::kEnvironment:
      wish.environments[step.subject] = step.environment;
      return;
    case Act::kRegion:
      wish.regions[step.subject] = step.detail;
      return;
    case Act::kProfile:
      return;
  }
}

Wish first_wish(const ProgramOptions& options) {
  Wish wish;
  wish.environments["default"] = {};
  wish.environments["prod"] = {.tier = {}, .approval = true};
  for (std::size_t i = 0; i < options.agents.size(); ++i)
    wish.regions[options.agents[i]] = i % 2 == 0 ? "a" : "b";
  if (options.containers) {
    wish.environments[kReal] = {.tier = kReal};
    wish.regions[options.agents.back()] = kReal;
  }
  return wish;
}

Wish last_wish(const Program& program) {
  Wish wish = first_wish(program.options);
  for (const auto& step : program.steps) apply(step, wish);
  return wish;
}

std::string text(const Step& step) {
  std::string out = fmt::format("{:>7} ms  actor {}  ", step.at, step.actor);
  const auto content = [](const Content& all) {
    std::string text;
    for (const auto& [name, its] : all)
      text += fmt::format(" {}[mark {}{}{}{}{} x{}]", name, its.mark,
                          its.build ? fmt::format(" build {}", its.build) : "", its.database ? " db" : "",
                          its.cache.empty() ? "" : " " + its.cache, its.route ? " route" : "", its.replicas);
    return text;
  };
  const auto say = [&](const char* what, const std::string& rest = {}) {
    return out + fmt::format("{} {} (mark {}){}", what, step.subject, step.mark, rest);
  };
  switch (step.act) {
    case Act::kApply:
      return say("apply",
                 (step.app.environments.contains("prod") ? " +prod" : "") + content(step.app.workloads));
    case Act::kDelete:
      return say("delete");
    case Act::kBuild:
      return say("build of", " " + step.detail);
    case Act::kApprove:
      return say("approve", " in " + step.detail);
    case Act::kRollback:
      return say("roll back", " to" + content(step.to));
    case Act::kEnvironment:
      return say("environment",
                 step.environment.tier.empty() ? " everywhere" : " in tier " + step.environment.tier);
    case Act::kRegion:
      return say("region", " becomes tier " + step.detail);
    case Act::kProfile:
      return say("profile");
  }
  return out;
}

std::string kind_of(const Fault& fault) {
  if (fault.kind == Kind::kFull) return "disk full";
  const bool agent = fault.target != "hub" && fault.target != "nats" && fault.target != "podman";
  const std::string target = agent ? "agent" : fault.target;
  return fmt::format("{} {}", name_of(fault.kind), target);
}

std::string text(const Fault& fault) {
  return fmt::format("{:>7} ms  FAULT  {} {}{} for {} ms", fault.at, name_of(fault.kind), fault.target,
                     fault.seconds ? fmt::format(" by {} s", fault.seconds) : "", fault.millis);
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
