#include <fmt/format.h>

#include <map>
#include <set>
#include <string>

#include "common/model/rules.h"
#include "common/model/service_name.h"

namespace qleet::model {
namespace {

using qleet::v1::Application;
using qleet::v1::Workload;

constexpr size_t kMaxWorkloads = 100;
constexpr size_t kMaxEnvironments = 50;
constexpr size_t kMaxOffers = 50;

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

// Ids under which other applications ask for a workload: each names one.
void check_offers(const Application& application, const Place& workloads, Checks& checks) {
  const auto& all = application.spec().workloads();
  std::map<std::string, std::string> offered;  // id -> workload
  for (const auto& name : sorted_keys(all)) {
    const auto& offers = all.at(name).offers();
    const Place workload{&workloads, name};
    const Place list{&workload, "offers"};
    checks.at_most(list, static_cast<size_t>(offers.size()), kMaxOffers, "ids");
    for (int i = 0; i < offers.size(); ++i) {
      const Place here{&list, {}, i};
      if (!is_resource_id(offers[i])) {
        checks.wrong(
            here, fmt::format("\"{}\" is not an id: 2 to 63 lower-case letters, digits, - and .", offers[i]));
      } else if (const auto [other, fresh] = offered.emplace(offers[i], name); !fresh) {
        checks.wrong(here,
                     other->second == name
                         ? fmt::format("\"{}\" is given twice", offers[i])
                         : fmt::format("workload \"{}\" offers \"{}\" as well; an id names one workload",
                                       other->second, offers[i]));
      }
    }
    if (!offers.empty() && all.at(name).score().service().ports().empty())
      checks.wrong(list, "has no meaning without a port: give the Score document a service with ports");
  }
}

void check_workload(const std::string& name, const Workload& workload, const Place& place, Checks& checks) {
  checks.name(place, name);
  check_replicas({&place, "replicas"}, workload.replicas(), checks);
  const Place score{&place, "score"};
  if (!workload.has_score())
    return checks.wrong(score, "is missing; it holds the Score document of the workload");
  check_score(workload.score(), workload.has_builds(), score, checks);
  if (workload.has_builds()) check_builds(workload, {&place, "builds"}, checks);
}

}  // namespace

void check_replicas(const Place& place, std::uint32_t replicas, Checks& checks) {
  constexpr std::uint32_t kMost = 1000;
  if (replicas > kMost) checks.wrong(place, fmt::format("is {}; at most {} are allowed", replicas, kMost));
}

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
  check_offers(application, workloads, checks);
  checks.selector({&spec, "regions"}, application.spec().regions());
}

}  // namespace qleet::model
