#include "hub/controllers/deployment_status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/events.h"
#include "hub/controllers/image_digests.h"

namespace qleet::hub::controllers {
namespace {

struct Summary {
  std::string state;
  std::string reason;
  std::string message;
};

Summary summarize(const v1::DeploymentSpec& spec, const Outcome& outcome) {
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
  if (rollout.state == "Ready") return {"Ready", std::string(reasons::kAvailable), ""};
  if (rollout.state == "Stalled") return {"Stalled", "Stalled", rollout.message};
  const bool only_stale = std::ranges::all_of(
      rollout.regions, [](const auto& r) { return r.state == "Ready" || r.state == "Stale"; });
  return {"RollingOut", std::string(only_stale ? reasons::kStale : reasons::kRollingOut), rollout.message};
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
    regions.push_back(std::move(region));
  }
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
  for (auto& region : regions) *status.add_regions() = std::move(region);
}

Result<> finish(Work& work, v1::Deployment& deployment, const Outcome& outcome) {
  auto& status = *deployment.mutable_status();
  const auto& spec = deployment.spec();
  const auto before = status.state();
  const auto* known = find_condition(status.conditions(), reasons::kReady);
  const std::string known_reason = known == nullptr ? "" : known->reason();
  const bool was_healthy =
      before == "Ready" && status.release() == spec.release() && status.has_healthy_since();

  const auto summary = summarize(spec, outcome);
  set_regions(status, outcome);
  status.set_state(summary.state);
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
  TRY(objects::put_status(work.txn, deployment));
  if (before == summary.state && known_reason == summary.reason) return {};
  const bool warns = summary.state == "Blocked" || summary.state == "Stalled";
  auto message = summary.message;
  if (ready) message = fmt::format("release {} is ready", spec.release());
  if (message.empty()) message = fmt::format("release {} is being rolled out", spec.release());
  return record_event(work, {"Deployment", deployment.metadata().name(), warns ? "Warning" : "Normal",
                             ready ? reasons::kReady : std::string_view(summary.reason), message});
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
