#include "hub/controllers/deployment_status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/events.h"
#include "hub/controllers/outcomes.h"
#include "hub/controllers/times.h"

namespace qleet::hub::controllers {
namespace {

struct Summary {
  std::string state;
  std::string reason;
  std::string message;
};

// Said when it failed, and kept since.
std::string why_returned(const v1::Deployment& deployment) {
  const auto* known = find_condition(deployment.status().conditions(), reasons::kProgressing);
  return known == nullptr || known->message().empty()
             ? fmt::format("release {} failed", deployment.spec().returned_from())
             : known->message();
}

Summary summarize(const v1::Deployment& deployment, const Outcome& outcome) {
  const auto& spec = deployment.spec();
  if (outcome.blocked) return {"Blocked", outcome.blocked->reason, outcome.blocked->message};
  if (spec.release() == 0) {
    if (spec.candidate_waits() == "environment") {
      return {"AwaitingEnvironment", std::string(reasons::kAwaitingEnvironment),
              fmt::format("release {} waits for another environment", spec.candidate())};
    }
    return {"AwaitingApproval", std::string(reasons::kAwaitingApproval),
            fmt::format("waits for approval: qleet approve {} {} --release {}", spec.application(),
                        spec.environment(), spec.candidate())};
  }
  const auto& rollout = outcome.rollout;
  if (rollout.state == "Ready") {
    if (spec.returned_from() == 0) return {"Ready", std::string(reasons::kAvailable), ""};
    return {"Returned", std::string(reasons::kReturnedToRelease),
            fmt::format("release {} serves; {}", spec.release(), why_returned(deployment))};
  }
  if (!outcome.failure.empty())
    return {"Failed", std::string(reasons::kProgressDeadlineExceeded), outcome.failure};
  if (rollout.state == "Stalled") return {"Stalled", "Stalled", rollout.message};
  const bool only_stale = std::ranges::all_of(
      rollout.regions, [](const auto& r) { return r.state == "Ready" || r.state == "Stale"; });
  return {"RollingOut", std::string(only_stale ? reasons::kStale : reasons::kRollingOut), rollout.message};
}

void set_facts(v1::RegionRollout& region, const RegionNext& next) {
  // What a lost region last said of its replicas is not the present.
  region.set_ready(next.state == "Stale" ? 0 : next.facts.replicas.ready);
  region.set_replicas(next.facts.replicas.wanted);
  region.set_restarts(next.facts.replicas.restarts);
}

void set_pace(std::vector<v1::RegionRollout>& regions, const Pace& pace) {
  for (const auto& next : pace.regions) {
    const auto region = std::ranges::find(regions, next.name, &v1::RegionRollout::region);
    if (region == regions.end()) continue;
    region->set_reached(next.reached);
    if (next.progressed) *region->mutable_progressed() = to_timestamp(*next.progressed);
  }
}

void set_regions(v1::DeploymentStatus& status, const Outcome& outcome) {
  std::vector<v1::RegionRollout> regions;
  for (const auto& next : outcome.rollout.regions) {
    v1::RegionRollout region;
    region.set_region(next.name);
    region.set_release(next.release);
    region.set_state(next.state);
    region.set_message(next.message);
    region.set_outdated(next.outdated);
    set_facts(region, next);
    regions.push_back(std::move(region));
  }
  set_pace(regions, outcome.pace);
  for (const auto& refused : outcome.refused) {
    v1::RegionRollout region;
    region.set_region(refused.region);
    region.set_release(refused.release);
    region.set_state("Stalled");
    region.set_message(refused.refusal.message);
    regions.push_back(std::move(region));
  }
  std::ranges::sort(regions, {}, &v1::RegionRollout::region);
  status.clear_regions();
  Replicas sum;
  for (auto& region : regions) {
    sum.ready += region.ready();
    sum.wanted += region.replicas();
    sum.restarts += region.restarts();
    *status.add_regions() = std::move(region);
  }
  status.set_ready(sum.ready);
  status.set_replicas(sum.wanted);
  status.set_restarts(sum.restarts);
}

// What failed, and why: said for as long as it is so.
// `before`: its state until now.
Result<> set_failure(Work& work, v1::Deployment& deployment, const Outcome& outcome,
                     const std::string& before) {
  auto& status = *deployment.mutable_status();
  const auto& spec = deployment.spec();
  const bool failed = status.state() == "Failed";
  // A release that was complete once has not failed when it is not ready any more.
  const bool never_ready = failed && status.release() != spec.release();
  status.set_failed_release(spec.returned_from() != 0 ? spec.returned_from()
                            : never_ready             ? spec.release()
                                                      : 0);
  auto& conditions = *status.mutable_conditions();
  const auto generation = deployment.metadata().generation();
  if (failed && (spec.returned_from() == 0 || find_condition(conditions, reasons::kProgressing) == nullptr)) {
    set_condition(
        conditions,
        {reasons::kProgressing, false, reasons::kProgressDeadlineExceeded, outcome.failure, generation},
        work.now());
  } else if (!failed && spec.returned_from() == 0 &&
             find_condition(conditions, reasons::kProgressing) != nullptr) {
    set_condition(conditions, {reasons::kProgressing, true, reasons::kAvailable, "", generation}, work.now());
  }
  if (!never_ready || spec.returned_from() != 0) return {};
  return note_failed(work, spec.application(), spec.release(),
                     {spec.environment(), reasons::kProgressDeadlineExceeded, outcome.failure},
                     before != "Failed");
}

// One event for each region, and not for each of many restarts.
Result<> tell_restarts(Work& work, const v1::Deployment& deployment, const v1::DeploymentStatus& before) {
  constexpr Millis kNotWithin = std::chrono::minutes(1);
  const auto& name = deployment.metadata().name();
  for (const auto& region : deployment.status().regions()) {
    const auto known = std::ranges::find(before.regions(), region.region(), &v1::RegionRollout::region);
    const auto told = known == before.regions().end() ? 0 : known->restarts();
    if (region.restarts() <= told) continue;
    const Happening happening{
        .kind = "Deployment",
        .name = name,
        .type = "Warning",
        .reason = reasons::kRestarted,
        .message = fmt::format("region {}: {} restarts so far{}{}", region.region(), region.restarts(),
                               region.message().empty() ? "" : "; ", region.message()),
        .about = region.region()};
    if (!TRY(happened_within(work, happening, kNotWithin))) TRY(record_event(work, happening));
  }
  return {};
}

Result<> finish(Work& work, v1::Deployment& deployment, const Outcome& outcome) {
  auto& status = *deployment.mutable_status();
  const auto& spec = deployment.spec();
  const auto status_before = status;
  const auto& before = status_before.state();
  const auto* known = find_condition(status.conditions(), reasons::kReady);
  const std::string known_reason = known == nullptr ? "" : known->reason();
  const bool was_healthy =
      before == "Ready" && status.release() == spec.release() && status.has_healthy_since();

  const auto summary = summarize(deployment, outcome);
  set_regions(status, outcome);
  status.set_state(summary.state);
  status.set_observed_generation(deployment.metadata().generation());
  if (outcome.pace.progress || !status.has_progressed())
    *status.mutable_progressed() = objects::timestamp(work.now());
  const bool ready = summary.state == "Ready";
  if (!ready) {
    status.clear_healthy_since();
  } else if (!was_healthy) {
    *status.mutable_healthy_since() = objects::timestamp(work.now());
  }
  if (ready && status.release() != spec.release()) {
    status.set_release(spec.release());
    TRY(note_ready(work, spec.application(), spec.release(), spec.environment()));
  }
  set_condition(*status.mutable_conditions(),
                {reasons::kReady, ready, summary.reason, summary.message, deployment.metadata().generation()},
                work.now());
  TRY(set_failure(work, deployment, outcome, before));
  TRY(objects::put_status(work.txn, deployment));
  TRY(tell_restarts(work, deployment, status_before));
  if (before == summary.state && known_reason == summary.reason) return {};
  const bool warns = summary.state == "Blocked" || summary.state == "Stalled" || summary.state == "Failed";
  auto message = summary.message;
  const bool serves = ready || summary.state == "Returned";
  if (serves) message = fmt::format("release {} is ready", spec.release());
  if (message.empty()) message = fmt::format("release {} is being rolled out", spec.release());
  return record_event(work, {"Deployment", deployment.metadata().name(), warns ? "Warning" : "Normal",
                             serves ? reasons::kReady : std::string_view(summary.reason), message});
}

}  // namespace

Result<> write_status(Work& work, v1::Deployment& deployment, const Outcome& outcome) {
  auto& conditions = *deployment.mutable_status()->mutable_conditions();
  const auto generation = deployment.metadata().generation();
  ConditionValue placed{reasons::kPlaced, true, reasons::kAvailable, outcome.placement_message, generation};
  ConditionValue resolved{reasons::kResolved, true, reasons::kAvailable, "", generation};
  if (outcome.blocked) {
    const auto& blocked = *outcome.blocked;
    const bool place = blocked.reason == reasons::kNoRegion || blocked.reason == reasons::kNoEnvironment;
    auto& condition = place ? placed : resolved;
    condition.is_true = false;
    condition.reason = blocked.reason;
    condition.message = blocked.message;
  }
  set_condition(conditions, placed, work.now());
  set_condition(conditions, resolved, work.now());
  // Said only where it is, or was, otherwise.
  if (!outcome.warnings.empty() || find_condition(conditions, reasons::kSeparate) != nullptr) {
    const bool separate = outcome.warnings.empty();
    set_condition(conditions,
                  {reasons::kSeparate, separate, separate ? reasons::kAvailable : reasons::kResourcesMeet,
                   fmt::format("{}", fmt::join(outcome.warnings, "; ")), generation},
                  work.now());
  }
  return finish(work, deployment, outcome);
}

Result<> refresh_status(Work& work, v1::Deployment& deployment, const Outcome& outcome) {
  return finish(work, deployment, outcome);
}

Result<> write_deleting(Work& work, v1::Deployment& deployment) {
  auto& status = *deployment.mutable_status();
  const auto before = status.state();
  status.set_state("Deleting");
  status.clear_healthy_since();
  status.set_observed_generation(deployment.metadata().generation());
  const auto generation = deployment.metadata().generation();
  set_condition(*status.mutable_conditions(), {reasons::kResolved, true, reasons::kDeleting, "", generation},
                work.now());
  set_condition(*status.mutable_conditions(),
                {reasons::kReady, false, reasons::kDeleting, "is being taken down", generation}, work.now());
  TRY(objects::put_status(work.txn, deployment));
  if (before == "Deleting") return {};
  return record_event(work, {"Deployment", deployment.metadata().name(), "Normal", reasons::kDeleting,
                             "the application no longer wants this environment"});
}

bool needs_reconcile(const v1::Deployment& deployment) {
  const auto* resolved = find_condition(deployment.status().conditions(), reasons::kResolved);
  return resolved == nullptr || resolved->observed_generation() != deployment.metadata().generation();
}

}  // namespace qleet::hub::controllers
