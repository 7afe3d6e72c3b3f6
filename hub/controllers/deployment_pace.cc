#include "hub/controllers/deployment_pace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/clock/duration.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/events.h"
#include "hub/controllers/outcomes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/times.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

const std::string kHeardSince = keys::meta("heard-since");

Result<std::optional<WallTime>> heard_since(const Reader& reader) {
  const auto entry = TRY(reader.get(kHeardSince));
  if (!entry) return std::nullopt;
  std::int64_t millis = 0;
  std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), millis);
  return WallTime(Millis(millis));
}

}  // namespace

Result<> note_heard_since(Txn& txn, WallTime now) {
  txn.put(kHeardSince, std::to_string(now.time_since_epoch().count()));
  return {};
}

Result<Pace> pace_of(Work& work, const v1::Deployment& deployment, const v1::RolloutPolicy& policy,
                     const std::vector<RegionNow>& regions) {
  PaceInput input;
  input.deadline = deadline_of(policy);
  input.now = work.now();
  // What has failed does not get its time again because the hub was away.
  if (deployment.status().state() != "Failed") input.heard_since = TRY(heard_since(work.txn));
  const auto wanted = deployment.spec().release();
  const auto& noted = deployment.status().regions();
  for (const auto& region : regions) {
    const auto known = std::ranges::find(noted, region.name, &v1::RegionRollout::region);
    const bool held_before = known != noted.end() && known->release() == region.release && !known->outdated();
    const bool holds = wanted != 0 && region.release == wanted && !region.outdated;
    RegionPace pace;
    pace.name = region.name;
    pace.waited_for = region.placed && holds && !region.stale && region.facts.blamed;
    pace.anew = holds && (region.facts.anew || !held_before);
    if (held_before) pace.reached_before = known->reached();
    pace.reached = holds ? region.facts.reached : pace.reached_before;
    if (held_before && known->has_progressed()) pace.progressed = from_timestamp(known->progressed());
    pace.message = region.message;
    input.regions.push_back(std::move(pace));
  }
  return judge_pace(input);
}

Result<std::optional<WallTime>> fails_at(const Reader& reader, const v1::Deployment& deployment,
                                         const v1::RolloutPolicy& policy) {
  const auto deadline = deadline_of(policy);
  const auto& state = deployment.status().state();
  std::optional<WallTime> earliest;
  if (!deadline || (state != "RollingOut" && state != "Stalled")) return earliest;
  const auto heard = TRY(heard_since(reader));
  for (const auto& region : deployment.status().regions()) {
    if (!region.has_progressed() || region.release() != deployment.spec().release()) continue;
    const auto progressed = from_timestamp(region.progressed());
    const auto due = std::max(progressed, heard.value_or(progressed)) + *deadline;
    earliest = std::min(earliest.value_or(due), due);
  }
  return earliest;
}

std::string failure_text(const v1::Deployment& deployment, const v1::RolloutPolicy& policy,
                         const Pace& pace) {
  const auto deadline = deadline_of(policy).value_or(Millis(0));
  return fmt::format("release {}: no progress for {}: region {}{}{}", deployment.spec().release(),
                     human_duration(deadline), pace.overdue, pace.message.empty() ? "" : ": ", pace.message);
}

namespace {

// Once no environment wants a rollback that failed, builds go on from what was the newest release before it.
Result<> leave_rollback(Work& work, const std::string& application, std::uint32_t failed) {
  auto app = TRY(objects::get<v1::Application>(work.txn, application));
  if (!app || app->status().latest_release() != failed) return {};
  const auto release = TRY(get_release(work.txn, application, failed));
  const auto before = release ? release->spec().instead_of() : 0;
  if (before == 0 || !TRY(get_release(work.txn, application, before))) return {};
  for (const auto& other : TRY(objects::list<v1::Deployment>(work.txn, {.name_prefix = application + "."}))) {
    const auto& spec = other.spec();
    if (!spec.deleted() && (spec.release() == failed || spec.candidate() == failed)) return {};
  }
  app->mutable_status()->set_latest_release(before);
  TRY(objects::put_status(work.txn, *app));
  return {};
}

}  // namespace

Result<> return_to_good(Work& work, v1::Deployment& deployment, const v1::RolloutPolicy& policy) {
  auto& spec = *deployment.mutable_spec();
  const auto failed = spec.release();
  const auto good = return_to(policy, failed, deployment.status().release());
  if (good == 0 || !TRY(get_release(work.txn, spec.application(), good))) return {};
  const auto* why = find_condition(deployment.status().conditions(), reasons::kProgressing);
  const auto message =
      fmt::format("back to release {}, which was ready; {}", good,
                  why == nullptr ? fmt::format("release {} failed", failed) : why->message());
  go_back(spec, good);
  TRY(put_deployment(work, deployment));
  TRY(leave_rollback(work, spec.application(), failed));
  TRY(note_returned(work, spec.application(), failed, spec.environment(), good));
  TRY(record_event(
      work, {"Deployment", deployment.metadata().name(), "Warning", reasons::kReturnedToRelease, message}));
  return record_audit(work, {kHub, "return", "Application", spec.application(),
                             fmt::format("from release {} to {} in {}", failed, good, spec.environment())});
}

}  // namespace qleet::hub::controllers
