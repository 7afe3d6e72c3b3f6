#include <fmt/format.h>

#include <map>
#include <set>
#include <string>

#include "common/model/rules.h"

namespace qleet::model {
namespace {

using qleet::v1::Application;
using qleet::v1::Workload;

constexpr size_t kMaxWorkloads = 100;
constexpr size_t kMaxEnvironments = 50;
constexpr std::uint32_t kMaxReplicas = 1000;

void check_builds(const Workload& workload, const Place& place, Checks& checks) {
  const auto& builds = workload.builds();
  const auto& containers = workload.score().containers();
  const Place image{&place, "image"};
  if (checks.required(image, builds.image())) checks.repository(image, builds.image());
  checks.length({&place, "tags"}, builds.tags(), 255);
  const Place container{&place, "container"};
  if (builds.container().empty()) {
    if (containers.size() > 1) {
      checks.wrong(container, fmt::format("is missing: say which container's image the builds replace; {}",
                                          there_is(sorted_keys(containers))));
    }
  } else if (!containers.contains(builds.container())) {
    checks.wrong(container, fmt::format("no container \"{}\" in this workload; {}", builds.container(),
                                        there_is(sorted_keys(containers))));
  }
}

// The name that a workload had before: only one may take over what that one has, and when it is gone.
void check_renames(const Application& application, const Place& workloads, Checks& checks) {
  const auto& all = application.spec().workloads();
  std::map<std::string, std::string> taken;  // former name -> who takes over
  for (const auto& name : sorted_keys(all)) {
    const auto& before = all.at(name).renamed_from();
    if (before.empty()) continue;
    const Place workload{&workloads, name};
    const Place here{&workload, "renamedFrom"};
    checks.name(here, before);
    if (before == name) {
      checks.wrong(here, "is the workload's own name; give the one that it had before, or leave it out");
    } else if (all.contains(before)) {
      checks.wrong(here,
                   fmt::format("workload \"{}\" is here as well: what it has stays with it. Take it out, or "
                               "leave out renamedFrom",
                               before));
    } else if (const auto [other, fresh] = taken.emplace(before, name); !fresh) {
      checks.wrong(here, fmt::format("workload \"{}\" takes over what \"{}\" had; only one can",
                                     other->second, before));
    }
  }
}

void check_workload(const std::string& name, const Workload& workload, const Place& place, Checks& checks) {
  checks.name(place, name);
  if (workload.replicas() > kMaxReplicas) {
    checks.wrong({&place, "replicas"},
                 fmt::format("is {}; at most {} are allowed", workload.replicas(), kMaxReplicas));
  }
  const Place score{&place, "score"};
  if (!workload.has_score())
    return checks.wrong(score, "is missing; it holds the Score document of the workload");
  check_score(workload.score(), workload.has_builds(), score, checks);
  if (workload.has_builds()) check_builds(workload, {&place, "builds"}, checks);
}

}  // namespace

void check(const Application& application, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  const Place environments{&spec, "environments"};
  const auto& wanted = application.spec().environments();
  checks.at_most(environments, static_cast<size_t>(wanted.size()), kMaxEnvironments, "environments");
  std::set<std::string_view> seen;
  for (int i = 0; i < wanted.size(); ++i) {
    const Place here{&environments, {}, i};
    if (!checks.required(here, wanted[i])) continue;
    checks.name(here, wanted[i]);
    if (!seen.insert(wanted[i]).second) checks.wrong(here, fmt::format("\"{}\" is given twice", wanted[i]));
  }
  const Place workloads{&spec, "workloads"};
  const auto& all = application.spec().workloads();
  if (all.empty()) checks.wrong(workloads, "is missing; an application has at least one workload");
  checks.at_most(workloads, all.size(), kMaxWorkloads, "workloads");
  for (const auto& name : sorted_keys(all)) check_workload(name, all.at(name), {&workloads, name}, checks);
  check_renames(application, workloads, checks);
}

}  // namespace qleet::model
