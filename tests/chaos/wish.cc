#include "tests/chaos/wish.h"

#include <fmt/format.h>

#include <algorithm>

namespace qleet::chaos {
namespace {

// As docs/resolution.md, "Objects and their names", says.
void add_workload(Wanted& out, const std::string& region, const std::string& environment,
                  const std::string& app, const std::string& name, const WorkloadWish& workload) {
  const auto own = [&](const std::string& rest) {
    return fmt::format("{}.{}.{}.{}", region, environment, app, rest);
  };
  if (environment == kReal) {
    out[own("workload." + name)] = {mark_word(workload.mark)};
    out[region + ".-.-.real-host.default"] = {};
    if (workload.database) out[own(fmt::format("real-volume.{}.data", name))] = {};
    return;
  }
  out[own("workload." + name)] = {mark_word(workload.mark),
                                  workload.build ? build_word(workload.build) : name + ":1\""};
  out[region + ".-.-.container-host.default"] = {};
  if (workload.database) {
    out[own(fmt::format("postgres.{}.db", name))] = {};
    out[own(fmt::format("volume.postgres.{}.db.data", name))] = {};
  }
  if (!workload.cache.empty()) {
    out[fmt::format("{}.{}.-.redis.{}", region, environment, workload.cache)] = {};
    out[fmt::format("{}.{}.-.volume.redis.{}.data", region, environment, workload.cache)] = {};
  }
  if (workload.route) {
    out[own(fmt::format("route.{}.url", name))] = {};
    out[fmt::format("{}.{}.-.router.default", region, environment)] = {};
  }
}

}  // namespace

std::string mark_word(long mark) { return fmt::format("mark-{}-", mark); }
std::string build_word(long build) { return fmt::format("build-{}-", build); }

bool holds(const std::string& shown, const std::vector<std::string>& words) {
  return std::ranges::all_of(words, [&](const auto& word) { return shown.find(word) != std::string::npos; });
}

void Wish::release(const std::string& name) {
  for (const auto& environment : apps.at(name).environments) {
    if (!held[name].contains(environment) && !environments.at(environment).approval) {
      deployed[name][environment] = head.at(name);
      candidate[name].erase(environment);
    } else {
      candidate[name][environment] = head.at(name);
    }
  }
}

void Wish::apply(const std::string& name, const AppWish& app) {
  Content next = app.workloads;
  for (auto& [workload, its] : next) {
    const auto& before = head[name];
    const auto pinned = before.find(workload);
    its.build =
        pinned != before.end() && pinned->second.build ? pinned->second.build : builds[name][workload];
  }
  apps[name] = app;
  head[name] = next;
  std::erase_if(deployed[name], [&](const auto& at) { return !app.environments.contains(at.first); });
  std::erase_if(candidate[name], [&](const auto& at) { return !app.environments.contains(at.first); });
  held.erase(name);
  release(name);
}

void Wish::erase(const std::string& name) {
  apps.erase(name);
  head.erase(name);
  deployed.erase(name);
  candidate.erase(name);
  held.erase(name);
}

void Wish::build(const std::string& name, const std::string& workload, long mark) {
  builds[name][workload] = mark;
  if (!head.contains(name) || !head[name].contains(workload)) return;
  head[name][workload].build = mark;
  release(name);
}

void Wish::approve(const std::string& name, const std::string& environment) {
  const auto waiting = candidate[name].find(environment);
  if (waiting == candidate[name].end()) return;
  deployed[name][environment] = waiting->second;
  candidate[name].erase(waiting);
  held[name].erase(environment);
}

void Wish::roll_back(const std::string& name, const Content& to) {
  head[name] = to;
  candidate.erase(name);
  for (const auto& environment : apps.at(name).environments) {
    deployed[name][environment] = to;
    held[name].insert(environment);  // until somebody applies or approves
  }
}

Wanted wanted(const Wish& wish) {
  Wanted out;
  for (const auto& [name, places] : wish.deployed)
    for (const auto& [environment, content] : places)
      for (const auto& [region, tier] : wish.regions) {
        const auto& chosen = wish.environments.at(environment).tier;
        if (!chosen.empty() && chosen != tier) continue;
        for (const auto& [workload, its] : content)
          add_workload(out, region, environment, name, workload, its);
      }
  return out;
}

namespace {

std::string real_workloads(const AppWish& app) {
  std::string out = "  workloads:\n";
  for (const auto& [workload, its] : app.workloads) {
    out += fmt::format(
        "    {}:\n      replicas: {}\n      score:\n        containers:\n          main:\n"
        "            image: localhost/test-web:1\n            variables:\n              MARK: {}\n",
        workload, its.replicas, mark_word(its.mark));
    if (its.database)
      out +=
          "              DATA: \"${resources.data.name}\"\n        resources:\n          data: {type: "
          "real-volume}\n";
  }
  return out;
}

}  // namespace

std::string yaml(const std::string& name, const AppWish& app) {
  std::string out = fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata:\n  name: {}\n  annotations: {{{}: \"{}\"}}\n"
      "spec:\n  environments: [",
      name, kMarkAnnotation, app.mark);
  for (const auto& environment : app.environments)
    out += (environment == *app.environments.begin() ? "" : ", ") + environment;
  if (app.environments.contains(kReal)) return out + "]\n" + real_workloads(app);
  out += "]\n  workloads:\n";
  for (const auto& [workload, its] : app.workloads) {
    out += fmt::format(
        "    {0}:\n      replicas: {1}\n      builds: {{image: registry.test/{2}/{0}}}\n      score:\n"
        "        containers:\n          main:\n            image: registry.test/{2}/{0}:1\n"
        "            variables:\n              MARK: {3}\n",
        workload, its.replicas, name, mark_word(its.mark));
    if (its.database) out += "              DATABASE: \"${resources.db.password}@${resources.db.host}\"\n";
    if (!its.cache.empty()) out += "              CACHE: \"${resources.cache.host}\"\n";
    out += "        service: {ports: {http: {port: 80, targetPort: 8080}}}\n";
    if (!its.database && its.cache.empty() && !its.route) continue;
    out += "        resources:\n";
    if (its.database) out += "          db: {type: postgres}\n";
    if (!its.cache.empty()) out += fmt::format("          cache: {{type: redis, id: {}}}\n", its.cache);
    if (its.route)
      out += fmt::format("          url: {{type: route, params: {{host: {}-{}.test, path: /, port: 80}}}}\n",
                         name, workload);
  }
  return out;
}

std::string yaml(const std::string& name, const EnvironmentWish& environment, long mark) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata:\n  name: {}\n  annotations: {{{}: \"{}\"}}\n"
      "spec:\n  builds: {{by: {}}}\n  unusedAfter: 1s\n{}",
      name, kMarkAnnotation, mark, environment.approval ? "approval" : "auto",
      environment.tier.empty() ? "" : "  regions: {selector: \"tier=" + environment.tier + "\"}\n");
}

std::string region_yaml(const std::string& name, const std::string& tier, long mark) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Region\nmetadata:\n  name: {}\n  labels: {{tier: {}}}\n"
      "  annotations: {{{}: \"{}\"}}\n",
      name, tier, kMarkAnnotation, mark);
}

// As in tests/chaos/profiles, with a note in what is made.
std::string profile_yaml(long mark) {
  return fmt::format(R"(apiVersion: qleet.io/v1
kind: Profile
metadata: {{name: postgres-noop, annotations: {{{}: "{}"}}}}
spec:
  satisfies: {{type: postgres}}
  scope: application
  parameters: {{size: {{type: string, default: 10Gi}}}}
  requires:
    runtime: {{type: container-host}}
    data: {{type: volume, params: {{size: "${{params.size}}"}}}}
  provider: noop
  template:
    delayMs: 50
    removeDelayMs: 50
    outputs: {{shown: {{volume: "${{requires.data.name}}", password: "${{generated.password}}", note: "{}"}}}}
  outputs: {{host: "${{self.name}}", port: 5432, name: app, username: app, password: "${{generated.password}}"}}
  default: true
)",
                     kMarkAnnotation, mark, mark_word(mark));
}

std::string build_json(const std::string& app, const std::string& workload, long mark) {
  return fmt::format(R"({{"image": "registry.test/{}/{}", "tag": "{}", "digest": "sha256:{:064x}"}})", app,
                     workload, build_word(mark), mark);
}

}  // namespace qleet::chaos
