#include "hub/controllers/delivery.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>

#include "common/clock/duration.h"
#include "common/model/image_name.h"
#include "common/model/model.h"
#include "hub/controllers/times.h"

namespace qleet::hub::controllers {
namespace {

using google::protobuf::util::MessageDifferencer;

const v1::PinnedImage* find_pin(const std::vector<v1::PinnedImage>& pins, const std::string& workload) {
  const auto found = std::ranges::find(pins, workload, &v1::PinnedImage::workload);
  return found == pins.end() ? nullptr : &*found;
}

// "repository[:tag]@digest" taken apart again.
v1::BuildSpec build_of(const v1::PinnedImage& pin) {
  const auto name = model::split_image(pin.image());
  v1::BuildSpec build;
  build.set_image(name.repository);
  build.set_tag(name.tag);
  build.set_digest(name.digest);
  return build;
}

std::map<std::string, std::uint32_t> profiles_in(const std::string& environment,
                                                 const v1::ReleaseSpec& release) {
  std::map<std::string, std::uint32_t> pins;
  for (const auto& pin : release.profiles()) {
    if (pin.environment() == environment) pins[pin.name()] = pin.generation();
  }
  return pins;
}

bool same_definition(const v1::ReleaseSpec& a, const v1::ReleaseSpec& b) {
  auto left = a.definition();
  auto right = b.definition();
  left.clear_environments();
  right.clear_environments();
  return MessageDifferencer::Equals(left, right);
}

}  // namespace

std::vector<std::string> environments_of(const v1::ApplicationSpec& spec) {
  if (spec.environments().empty()) return {"default"};
  std::vector<std::string> names(spec.environments().begin(), spec.environments().end());
  std::ranges::sort(names);
  const auto doubles = std::ranges::unique(names);
  names.erase(doubles.begin(), doubles.end());
  return names;
}

std::string followed_container(const v1::Workload& workload) {
  if (!workload.builds().container().empty()) return workload.builds().container();
  const auto& containers = workload.score().containers();
  return containers.size() == 1 ? containers.begin()->first : std::string();
}

bool follows(const v1::Workload& workload, const v1::BuildSpec& build) {
  if (!workload.has_builds() || !model::same_repository(workload.builds().image(), build.image()))
    return false;
  return workload.builds().tags().empty() || model::glob(workload.builds().tags(), build.tag());
}

std::string image_reference(const v1::BuildSpec& build) {
  return fmt::format("{}{}{}@{}", build.image(), build.tag().empty() ? "" : ":", build.tag(), build.digest());
}

BuildOrder order_of(const v1::BuildSpec& build) {
  BuildOrder order{build.number(), std::nullopt};
  if (build.has_revision_time()) order.time = from_timestamp(build.revision_time());
  return order;
}

BuildOrder order_of(const v1::PinnedImage& pin) {
  BuildOrder order{pin.number(), std::nullopt};
  if (pin.has_revision_time()) order.time = from_timestamp(pin.revision_time());
  return order;
}

bool is_before(const BuildOrder& a, const BuildOrder& b) {
  if (a.number != 0 && b.number != 0) return a.number < b.number;
  return a.time && b.time && *a.time < *b.time;
}

namespace {

// The latest of those that the workload follows: the one that came last, unless it is said to be before
// another.
const NamedBuild* latest(const std::string& application, const v1::Workload& workload,
                         const std::vector<NamedBuild>& builds) {
  const NamedBuild* chosen = nullptr;
  for (const auto& build : builds) {
    if (!build.spec.application().empty() && build.spec.application() != application) continue;
    if (!follows(workload, build.spec)) continue;
    if (chosen == nullptr || !is_before(order_of(build.spec), order_of(chosen->spec))) chosen = &build;
  }
  return chosen;
}

bool same_image(const v1::BuildSpec& a, const v1::BuildSpec& b) {
  return a.digest() == b.digest() && model::same_repository(a.image(), b.image());
}

}  // namespace

std::vector<v1::PinnedImage> pin_images(const std::string& application, const v1::ApplicationSpec& spec,
                                        const std::vector<v1::PinnedImage>& previous,
                                        const std::vector<NamedBuild>& builds) {
  std::map<std::string, const v1::Workload*> sorted;
  for (const auto& [name, workload] : spec.workloads()) sorted[name] = &workload;
  std::vector<v1::PinnedImage> pins;
  for (const auto& [name, workload] : sorted) {
    if (!workload->has_builds()) continue;
    const auto container = followed_container(*workload);
    if (!workload->score().containers().contains(container)) continue;
    const auto* newest = latest(application, *workload, builds);
    const auto* kept = find_pin(previous, name);
    if (kept != nullptr && !follows(*workload, build_of(*kept))) kept = nullptr;
    if (newest != nullptr && kept != nullptr && is_before(order_of(newest->spec), order_of(*kept)))
      newest = nullptr;
    v1::PinnedImage pin;
    // The same content under another tag is no change.
    if (newest != nullptr && (kept == nullptr || !same_image(build_of(*kept), newest->spec))) {
      pin.set_image(image_reference(newest->spec));
      pin.set_build(newest->name);
      pin.set_revision(newest->spec.revision());
      pin.set_number(newest->spec.number());
      if (newest->spec.has_revision_time()) *pin.mutable_revision_time() = newest->spec.revision_time();
    } else if (kept != nullptr) {
      pin = *kept;
    } else {
      continue;
    }
    pin.set_workload(name);
    pin.set_container(container);
    pins.push_back(std::move(pin));
  }
  return pins;
}

v1::ApplicationSpec with_images(v1::ApplicationSpec spec, const std::vector<v1::PinnedImage>& images) {
  for (const auto& pin : images) {
    const auto workload = spec.mutable_workloads()->find(pin.workload());
    if (workload == spec.mutable_workloads()->end()) continue;
    auto& containers = *workload->second.mutable_score()->mutable_containers();
    const auto container = containers.find(pin.container());
    if (container != containers.end()) container->second.set_image(pin.image());
  }
  return spec;
}

bool same_content(const v1::ReleaseSpec& a, const v1::ReleaseSpec& b) {
  if (!same_definition(a, b)) return false;
  const auto pins = [](const v1::ReleaseSpec& release) {
    std::map<std::pair<std::string, std::string>, std::uint32_t> all;
    for (const auto& pin : release.profiles()) all[{pin.environment(), pin.name()}] = pin.generation();
    return all;
  };
  return pins(a) == pins(b);
}

bool same_in(const std::string& environment, const v1::ReleaseSpec& a, const v1::ReleaseSpec& b) {
  return same_definition(a, b) && profiles_in(environment, a) == profiles_in(environment, b);
}

void end_hold(v1::DeploymentSpec& deployment) {
  deployment.set_rolled_back(false);
  deployment.set_rolled_back_before(false);
}

void go_back(v1::DeploymentSpec& deployment, std::uint32_t good) {
  deployment.set_returned_from(deployment.release());
  deployment.set_release(good);
  deployment.clear_approved_by();
  if (!deployment.rolled_back()) return;
  deployment.set_rolled_back(deployment.rolled_back_before());
  // It was held back alone; what else it waits for is looked at anew.
  if (!deployment.rolled_back() && deployment.candidate() != 0) deployment.set_candidate_waits("environment");
}

std::string held_back(const v1::DeploymentSpec& deployment) {
  if (!deployment.rolled_back()) return {};
  const auto& application = deployment.application();
  const auto& environment = deployment.environment();
  return deployment.candidate() == 0
             ? fmt::format("rolled back by hand: builds wait until somebody applies, or: qleet approve {} {}",
                           application, environment)
             : fmt::format(
                   "rolled back by hand: release {} waits until somebody applies, or: qleet approve {} {} "
                   "--release {}",
                   deployment.candidate(), application, environment, deployment.candidate());
}

Offer offer(const v1::DeploymentSpec& now, const v1::BuildPolicy& policy, std::uint32_t release, bool affects,
            bool asked) {
  Offer result{now, "Unchanged"};
  result.spec.set_deleted(false);
  result.spec.clear_returned_from();
  if (asked || now.deleted()) end_hold(result.spec);
  if (!affects) {
    // What waited for approval is overtaken by what runs already.
    result.spec.set_candidate(0);
    result.spec.clear_candidate_waits();
    return result;
  }
  const bool after = policy.has_after() && !policy.after().environment().empty();
  if (after && !result.spec.rolled_back()) {
    result.spec.set_candidate(release);
    result.spec.set_candidate_waits("environment");
    result.state = "AwaitingEnvironment";
  } else if (policy.by() == "approval") {
    result.spec.set_candidate(release);
    result.spec.set_candidate_waits("approval");
    result.state = "AwaitingApproval";
  } else if (result.spec.rolled_back()) {
    result.spec.set_candidate(release);
    result.spec.set_candidate_waits("approval");
    result.state = "HeldBack";
  } else {
    result.spec.set_release(release);
    result.spec.set_candidate(0);
    result.spec.clear_candidate_waits();
    result.spec.clear_approved_by();
    result.state = "RollingOut";
  }
  return result;
}

CandidateDecision decide_candidate(const v1::DeploymentSpec& now, const v1::BuildPolicy& policy,
                                   const SourceDeployment& source, WallTime time) {
  CandidateDecision decision;
  if (now.candidate() == 0) return decision;
  if (now.rolled_back()) {
    decision.message = held_back(now);
    return decision;
  }
  const bool approval = policy.by() == "approval";
  const auto passed = approval ? CandidateFate::kAskApproval : CandidateFate::kPromote;
  const bool after = policy.has_after() && !policy.after().environment().empty();
  if (now.candidate_waits() == "approval" || !after) {
    decision.fate = passed;
    if (passed == CandidateFate::kAskApproval) {
      decision.message = fmt::format("waits for approval: qleet approve {} {} --release {}",
                                     now.application(), now.environment(), now.candidate());
    }
    return decision;
  }
  const auto& other = policy.after().environment();
  if (source.spec == nullptr || source.spec->deleted()) {
    decision.message =
        fmt::format("waits for environment {}, which application {} is not in", other, now.application());
    return decision;
  }
  if (source.spec->returned_from() != 0 && source.spec->release() != now.candidate()) {
    decision.message =
        fmt::format("waits: release {} failed in environment {}, which went back to release {}",
                    source.spec->returned_from(), other, source.spec->release());
    return decision;
  }
  // Another release number there means the same only where this candidate changed nothing there.
  const bool has_it = source.spec->release() == now.candidate() ||
                      (source.spec->release() != 0 && source.spec->release() < now.candidate() &&
                       source.spec->candidate() != now.candidate());
  if (!has_it) {
    decision.message = fmt::format("waits until environment {} runs release {}", other, now.candidate());
    return decision;
  }
  if (source.status == nullptr || source.status->state() != "Ready" || !source.status->has_healthy_since() ||
      source.status->release() != source.spec->release()) {
    decision.message =
        fmt::format("waits until release {} is ready in environment {}", source.spec->release(), other);
    return decision;
  }
  const auto healthy_for =
      parse_duration(policy.after().healthy_for().empty() ? "0s" : policy.after().healthy_for());
  const auto due = from_timestamp(source.status->healthy_since()) + healthy_for.value_or(Millis(0));
  if (time >= due) {
    decision.fate = passed;
    return decision;
  }
  decision.due = due;
  decision.message = fmt::format("waits until release {} has been ready in environment {} for {}",
                                 source.spec->release(), other, policy.after().healthy_for());
  return decision;
}

}  // namespace qleet::hub::controllers
