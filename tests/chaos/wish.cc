#include "tests/chaos/wish.h"

#include <fmt/format.h>

namespace qleet::chaos {
namespace {

// As docs/architecture.md, "Objects and their names", says.
void add_workload(Wanted& out, const std::string& region, const std::string& environment,
                  const std::string& app, const std::string& name, const WorkloadWish& workload) {
  const auto own = [&](const std::string& rest) {
    return fmt::format("{}.{}.{}.{}", region, environment, app, rest);
  };
  out[own("workload." + name)] = shown_mark(workload);
  out[region + ".-.-.container-host.default"] = "";
  if (workload.database) {
    out[own(fmt::format("postgres.{}-db", name))] = "";
    out[own(fmt::format("volume.{}-db-data", name))] = "";
  }
  if (!workload.cache.empty()) {
    out[fmt::format("{}.{}.-.redis.{}", region, environment, workload.cache)] = "";
    out[fmt::format("{}.{}.-.volume.redis-{}-data", region, environment, workload.cache)] = "";
  }
  if (workload.route) {
    out[own(fmt::format("route.{}-url", name))] = "";
    out[region + ".-.-.router.default"] = "";
  }
}

}  // namespace

std::string shown_mark(const WorkloadWish& workload) { return fmt::format("mark-{}-", workload.mark); }

Wanted wanted(const Wish& wish) {
  Wanted out;
  for (const auto& [name, app] : wish.apps)
    for (const auto& environment : app.environments)
      for (const auto& [region, tier] : wish.regions) {
        const auto chosen = wish.environments.find(environment);
        if (chosen == wish.environments.end() || (!chosen->second.empty() && chosen->second != tier))
          continue;
        for (const auto& [workload, its] : app.workloads)
          add_workload(out, region, environment, name, workload, its);
      }
  return out;
}

std::string yaml(const std::string& name, const AppWish& app) {
  std::string out = fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata:\n  name: {}\n  annotations: {{{}: \"{}\"}}\n"
      "spec:\n  environments: [",
      name, kMarkAnnotation, app.mark);
  for (const auto& environment : app.environments)
    out += (environment == *app.environments.begin() ? "" : ", ") + environment;
  out += "]\n  workloads:\n";
  for (const auto& [workload, its] : app.workloads) {
    out += fmt::format("    {}:\n      replicas: {}\n      score:\n        containers:\n          main:\n",
                       workload, its.replicas);
    out +=
        fmt::format("            image: registry.test/{}:1\n            variables:\n              MARK: {}\n",
                    name, shown_mark(its));
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

}  // namespace qleet::chaos
