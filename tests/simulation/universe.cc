#include "tests/simulation/universe.h"

#include <fmt/format.h>

namespace qleet::sim {
namespace {

std::string document(std::string_view kind, std::string_view name, std::string_view labels,
                     std::string_view spec) {
  return fmt::format(
      R"({{"apiVersion":"qleet.io/v1","kind":"{}","metadata":{{"name":"{}","labels":{{{}}}}},"spec":{{{}}}}})",
      kind, name, labels, spec);
}

// What does not change from version to version of a profile.
struct Shape {
  const char* name;
  const char* satisfies;
  const char* scope;
  const char* template_;
  const char* outputs;
  const char* requires_;
  const char* more;
};

constexpr const char* kRuntime = R"("runtime":{"type":"host"})";

constexpr Shape kShapes[] = {
    {"host", R"("type":"host")", "region", "", "", "", ""},
    {"server", R"("type":"server")", "environment",
     R"(,"admin":"${generated.admin}","runtime":"${requires.runtime.address}")",
     R"(,"admin":"${generated.admin}")", kRuntime, ""},
    {"db", R"("type":"db")", "workload", R"(,"password":"${generated.password}")",
     R"(,"password":"${generated.password}","url":"db://${self.address}")", "", ""},
    {"cache", R"("type":"cache")", "application",
     R"(,"level":"${variables.level}","runtime":"${requires.runtime.address}")", "", kRuntime, ""},
    {"queue", R"("type":"queue")", "region", R"(,"size":"${params.size}")", "", kRuntime,
     R"(,"askers":{"workloads":true},"parameters":{"size":{"type":"string","default":"small"}})"},
    {"volume", R"("type":"volume")", "workload", "", "", "", ""},
    {"kept", R"("type":"volume","class":"kept")", "workload", "", "", kRuntime, ""},
    {"store", R"("type":"store")", "workload", R"(,"password":"${generated.password}")",
     R"(,"password":"${generated.password}")", R"("data":{"type":"volume"})", ""},
    {"archive", R"("type":"archive")", "workload", R"(,"password":"${generated.password}")",
     R"(,"password":"${generated.password}")", R"("data":{"type":"volume","class":"kept"})", ""},
    {"workload", R"("type":"workload")", "workload",
     R"(,"score":"${params.score}","replicas":"${params.replicas}","level":"${variables.level}","runtime":"${requires.runtime.address}")",
     "", kRuntime, ""},
};

const Shape& shape_of(const std::string& name) {
  for (const auto& shape : kShapes)
    if (name == shape.name) return shape;
  return kShapes[0];
}

}  // namespace

Universe::Universe(Dice& dice)
    : dice_(dice),
      regions_{{"r1", "dev", "a"}, {"r2", "prod", "a"}, {"r3", "prod", "b"}},
      environments_{{.name = "dev", .selector = "tier=dev"}, {.name = "prod", .selector = "tier=prod"}} {
  for (const auto& shape : kShapes) profiles_.push_back({.name = shape.name});
  for (auto& profile : profiles_) {
    if (profile.name == "volume" && dice.percent(40)) profile.keeps_data = "false";
    if (profile.name == "db" && dice.percent(40)) profile.keeps_data = "true";
  }
  if (dice.percent(50)) environments_[1].by = "approval";
  if (dice.percent(30)) environments_[1].after = "dev";
  if (dice.percent(40)) environments_[1].max_at_once = 1;
  for (auto& environment : environments_) {
    if (dice.percent(40)) environment.deadline = "40s";
    if (dice.percent(30)) environment.on_failure = "stay";
  }
}

std::string Universe::json(const RegionDraft& region) const {
  return document("Region", region.name, fmt::format(R"("tier":"{}","zone":"{}")", region.tier, region.zone),
                  region.cordoned ? R"("cordoned":true)" : "");
}

std::string Universe::json(const EnvironmentDraft& e) const {
  std::string spec = fmt::format(
      R"("regions":{{"selector":"{}","count":{},"spreadBy":"zone"}},"variables":{{"level":"{}"}},"guardrails":{{"maxRegionsAtOnce":{}}})",
      e.selector, e.count, e.level, e.max_at_once);
  if (e.after.empty())
    spec += fmt::format(R"(,"builds":{{"by":"{}")", e.by);
  else
    spec += fmt::format(R"(,"builds":{{"after":{{"environment":"{}","healthyFor":"20s"}})", e.after);
  spec += "}";
  if (e.protects_data) spec += R"(,"protect":{"data":true})";
  if (!e.unused_after.empty()) spec += fmt::format(R"(,"unusedAfter":"{}")", e.unused_after);
  spec += fmt::format(R"(,"images":{{"repushed":"{}"}})", e.repushed);
  spec += fmt::format(R"(,"rollout":{{"deadline":"{}","onFailure":"{}"}})", e.deadline, e.on_failure);
  if (e.replicas != 0 || !e.extra.empty()) {
    std::string values;
    if (e.replicas != 0) values = fmt::format(R"("replicas":{})", e.replicas);
    if (!e.extra.empty())
      values += fmt::format(R"({}"variables":{{"EXTRA":"{}"}})", values.empty() ? "" : ",", e.extra);
    std::string all;
    for (const auto& application : applications_)
      all += fmt::format(R"({}"{}":{{"workloads":{{"{}":{{{}}}}}}})", all.empty() ? "" : ",", application,
                         "web", values);
    spec += fmt::format(R"(,"applications":{{{}}})", all);
  }
  return document("Environment", e.name, "", spec);
}

std::string Universe::json(const ProfileDraft& p) const {
  const Shape& shape = shape_of(p.name);
  std::string needs = shape.requires_;
  std::string more_template = shape.template_;
  if (p.name == "db" && p.needs_server) {
    needs = R"("server":{"type":"server"})";
    more_template += R"(,"server":"${requires.server.address}","admin":"${requires.server.admin}")";
  }
  const bool kept = p.name == "kept";
  const std::string keeps = p.keeps_data.empty() ? "" : fmt::format(R"("keepsData":{},)", p.keeps_data);
  return document(
      "Profile", p.name, "",
      fmt::format(
          R"("satisfies":{{{}}},"scope":"{}","requires":{{{}}},{}"provider":"{}","template":{{"revision":"{}"{}}},"outputs":{{"name":"${{self.name}}","address":"${{self.address}}"{}}},"whenUnused":{{"after":"{}","do":"{}"}},"default":true{})",
          shape.satisfies, shape.scope, needs, keeps, p.provider, p.revision, more_template, shape.outputs,
          p.after, kept ? "retain" : "delete", shape.more));
}

std::string Universe::everything() const {
  std::string all;
  for (const auto& environment : environments_) all += json(environment) + "\n";
  for (const auto& profile : profiles_) all += json(profile) + "\n";
  return all;
}

std::string Universe::change_profile() {
  auto& profile = dice_.pick(profiles_);
  switch (dice_.below(7)) {
    case 6:
      if (profile.name != "volume" && profile.name != "db") break;
      profile.keeps_data = profile.keeps_data.empty() ? (dice_.percent(50) ? "true" : "false") : "";
      break;
    case 0:
      profile.provider = profile.provider == "cloud" ? "metal" : "cloud";
      break;
    case 1:
      profile.needs_server = !profile.needs_server;
      break;
    case 2: {
      static constexpr const char* kGraces[] = {"0s", "5s", "20s", "60s"};
      profile.after = kGraces[dice_.below(4)];
      break;
    }
    default:
      ++profile.revision;
      break;
  }
  return json(profile);
}

std::string Universe::change_environment() {
  auto& e = dice_.pick(environments_);
  switch (dice_.below(14)) {
    case 12: {
      static constexpr const char* kDeadlines[] = {"", "0", "20s", "2m"};
      e.deadline = kDeadlines[dice_.below(4)];
      break;
    }
    case 13:
      e.on_failure = e.on_failure == "stay" ? "rollback" : "stay";
      break;
    case 10:
      e.replicas = static_cast<unsigned>(dice_.below(4));
      break;
    case 11:
      e.extra = dice_.percent(50) ? fmt::format("e{}", dice_.below(3)) : "";
      break;
    case 8:
      e.protects_data = !e.protects_data;
      break;
    case 9:
      e.repushed = e.repushed == "ignore" ? "release" : "ignore";
      break;
    case 0:
      e.by = e.by == "auto" ? "approval" : "auto";
      break;
    case 1:
      e.max_at_once = static_cast<unsigned>(dice_.below(3));
      break;
    case 2:
      e.count = static_cast<unsigned>(dice_.below(3));
      break;
    case 3: {
      static constexpr const char* kSelectors[] = {"tier=dev", "tier=prod", "", "tier=none", "zone=a"};
      e.selector = kSelectors[dice_.below(5)];
      break;
    }
    case 4:
      e.unused_after = e.unused_after.empty() ? "10s" : "";
      break;
    case 5:
      if (e.name == "prod") e.after = e.after.empty() ? "dev" : "";
      break;
    default:
      e.level = fmt::format("l{}", dice_.below(5));
      break;
  }
  return json(e);
}

std::string Universe::unprotected() {
  std::string all;
  for (auto& environment : environments_) {
    environment.protects_data = false;
    all += json(environment) + "\n";
  }
  return all;
}

std::string Universe::bounded() {
  std::string all;
  for (auto& environment : environments_) {
    if (environment.deadline == "0") environment.deadline = "2m";
    all += json(environment) + "\n";
  }
  return all;
}

std::string Universe::change_region() {
  auto& region = dice_.pick(regions_);
  switch (dice_.below(3)) {
    case 0:
      region.cordoned = !region.cordoned;
      break;
    case 1:
      region.zone = region.zone == "a" ? "b" : "a";
      break;
    default:
      region.tier = region.tier == "dev" ? "prod" : "dev";
      break;
  }
  return json(region);
}

std::string Universe::image(const std::string& application, const std::string& workload) {
  return fmt::format("reg.example/{}/{}", application, workload);
}

std::string Universe::workload(const std::string& application, const std::string& name) {
  std::string resources;
  std::string variables;
  const auto ask = [&](const std::string& alias, const std::string& body, const std::string& output) {
    resources += fmt::format(R"({}"{}":{{{}}})", resources.empty() ? "" : ",", alias, body);
    variables +=
        fmt::format(R"({}"{}":"${{resources.{}.{}}}")", variables.empty() ? "" : ",", alias, alias, output);
  };
  if (dice_.percent(50)) ask("db", R"("type":"db")", "password");
  if (dice_.percent(30)) ask("db2", R"("type":"db")", "url");
  if (dice_.percent(40))
    ask("cache", dice_.percent(50) ? R"("type":"cache","id":"main")" : R"("type":"cache")", "address");
  if (dice_.percent(20))
    ask("queue",
        fmt::format(R"("type":"queue","id":"main","params":{{"size":"{}"}})",
                    dice_.percent(80) ? "small" : "large"),
        "address");
  if (dice_.percent(25)) ask("data", R"("type":"volume")", "name");
  if (dice_.percent(10)) ask("keep", R"("type":"volume","class":"kept")", "name");
  if (dice_.percent(25)) ask("store", R"("type":"store")", "password");
  if (dice_.percent(25)) ask("archive", R"("type":"archive")", "password");
  if (dice_.percent(15))
    variables += fmt::format(R"({}"EXTRA":"{}")", variables.empty() ? "" : ",", dice_.below(3));
  if (dice_.percent(8)) variables += fmt::format(R"({}"{}":"1")", variables.empty() ? "" : ",", kDeaf);
  return fmt::format(
      R"("{0}":{{"replicas":{1},"score":{{"containers":{{"main":{{"image":"{2}","variables":{{{3}}}}}}},"resources":{{{4}}}}},"builds":{{"image":"{2}"}}}})",
      name, 1 + dice_.below(2), image(application, name), variables, resources);
}

std::string Universe::application(const std::string& name) {
  std::string environments = dice_.percent(60)   ? R"("dev","prod")"
                             : dice_.percent(50) ? R"("dev")"
                                                 : R"("prod")";
  std::string workloads = workload(name, "web");
  if (dice_.percent(40)) workloads += "," + workload(name, "api");
  return document("Application", name, "",
                  fmt::format(R"("environments":[{}],"workloads":{{{}}})", environments, workloads));
}

}  // namespace qleet::sim
