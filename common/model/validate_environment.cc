#include <fmt/format.h>

#include "common/model/placeholders.h"
#include "common/model/rules.h"

namespace qleet::model {
namespace {

using qleet::v1::Environment;

constexpr size_t kMaxSelectors = 50;
constexpr size_t kMaxVariables = 500;
constexpr std::uint32_t kMaxRegions = 1000;
constexpr size_t kMaxApplications = 5000;
constexpr size_t kMaxValues = 500;
constexpr size_t kMaxText = 32 * 1024;

void check_builds(const Environment& environment, const Place& place, Checks& checks) {
  const auto& builds = environment.spec().builds();
  checks.one_of({&place, "by"}, builds.by(), {"auto", "approval"});
  if (!builds.has_after()) return;
  const Place after{&place, "after"};
  if (builds.by() == "approval")
    checks.wrong(after, "cannot stand beside \"by: approval\"; choose one of the two");
  const Place other{&after, "environment"};
  if (checks.required(other, builds.after().environment())) checks.name(other, builds.after().environment());
  if (builds.after().environment() == environment.metadata().name() && !environment.metadata().name().empty())
    checks.wrong(other, "is this environment itself");
  checks.duration({&after, "healthyFor"}, builds.after().healthy_for());
}

// They stand in Score documents, and mean there what a document's own do.
std::string wrong_in_values(const templates::Path& path) {
  if (path.front() == "resources" || path.front() == "metadata") return {};
  return fmt::format(
      "{}: a placeholder here starts with resources or metadata; for a plain \"${{\" write $${{",
      templates::to_text(path));
}

// Whether there are such workloads and resources, and what their params may be, is for the hub to look up.
void check_values(const qleet::v1::WorkloadValues& values, const Place& place, Checks& checks) {
  if (values.has_replicas()) check_replicas({&place, "replicas"}, values.replicas(), checks);
  const Place variables{&place, "variables"};
  checks.at_most(variables, values.variables().size(), kMaxValues, "variables");
  for (const auto& key : sorted_keys(values.variables())) {
    const Place here{&variables, key};
    if (key.empty()) checks.wrong(here, "a variable needs a name");
    if (key.find('=') != std::string::npos) checks.wrong(here, "the name of a variable has no \"=\"");
    checks.length(here, values.variables().at(key), kMaxText);
    check_score_text(values.variables().at(key), here, wrong_in_values, checks);
  }
  const Place params{&place, "params"};
  checks.at_most(params, values.params().size(), kMaxValues, "resources");
  for (const auto& alias : sorted_keys(values.params())) {
    const Place here{&params, alias};
    checks.name(here, alias);
    check_score_params(values.params().at(alias), here, wrong_in_values, checks);
  }
}

void check_applications(const Environment& environment, const Place& place, Checks& checks) {
  const auto& applications = environment.spec().applications();
  checks.at_most(place, applications.size(), kMaxApplications, "applications");
  for (const auto& name : sorted_keys(applications)) {
    const Place here{&place, name};
    checks.name(here, name);
    const Place workloads{&here, "workloads"};
    const auto& all = applications.at(name).workloads();
    for (const auto& workload : sorted_keys(all)) {
      const Place at{&workloads, workload};
      checks.name(at, workload);
      check_values(all.at(workload), at, checks);
    }
  }
}

}  // namespace

void check(const Environment& environment, Checks& checks) {
  const auto& spec = environment.spec();
  const Place root;
  const Place place{&root, "spec"};

  const Place regions{&place, "regions"};
  checks.selector({&regions, "selector"}, spec.regions().selector());
  if (spec.regions().count() > kMaxRegions) {
    checks.wrong({&regions, "count"},
                 fmt::format("is {}; at most {} are allowed", spec.regions().count(), kMaxRegions));
  }
  checks.label_key({&regions, "spreadBy"}, spec.regions().spread_by());

  const Place profiles{&place, "profiles"};
  checks.at_most(profiles, static_cast<size_t>(spec.profiles_size()), kMaxSelectors, "selectors");
  for (int i = 0; i < spec.profiles_size(); ++i) {
    const Place here{&profiles, {}, i};
    if (checks.required(here, spec.profiles(i))) checks.selector(here, spec.profiles(i));
  }

  const Place variables{&place, "variables"};
  checks.at_most(variables, spec.variables().size(), kMaxVariables, "variables");
  for (const auto& key : sorted_keys(spec.variables())) {
    const Place here{&variables, key};
    if (key.empty()) checks.wrong(here, "a variable needs a name");
    checks.length(here, spec.variables().at(key), kMaxText);
  }

  check_builds(environment, {&place, "builds"}, checks);
  checks.duration({&place, "unusedAfter"}, spec.unused_after());
  const Place images{&place, "images"};
  checks.one_of({&images, "repushed"}, spec.images().repushed(), {"ignore", "release"});
  const Place rollout{&place, "rollout"};
  if (spec.rollout().deadline() != "0") checks.duration({&rollout, "deadline"}, spec.rollout().deadline());
  checks.one_of({&rollout, "onFailure"}, spec.rollout().on_failure(), {"rollback", "stay"});
  check_applications(environment, {&place, "applications"}, checks);
}

}  // namespace qleet::model
