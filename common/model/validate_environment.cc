#include <fmt/format.h>

#include "common/model/rules.h"

namespace qleet::model {
namespace {

using qleet::v1::Environment;

constexpr size_t kMaxSelectors = 50;
constexpr size_t kMaxVariables = 500;
constexpr std::uint32_t kMaxRegions = 1000;

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
    checks.length(here, spec.variables().at(key), 32 * 1024);
  }

  check_builds(environment, {&place, "builds"}, checks);
  checks.duration({&place, "unusedAfter"}, spec.unused_after());
  const Place images{&place, "images"};
  checks.one_of({&images, "repushed"}, spec.images().repushed(), {"ignore", "release"});
  const Place rollout{&place, "rollout"};
  if (spec.rollout().deadline() != "0") checks.duration({&rollout, "deadline"}, spec.rollout().deadline());
  checks.one_of({&rollout, "onFailure"}, spec.rollout().on_failure(), {"rollback", "stay"});
}

}  // namespace qleet::model
