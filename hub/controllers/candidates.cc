// What waits, and the application as a whole: the parts of releases.h that make no release.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/events.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/store_offers.h"

namespace qleet::hub::controllers {

Result<v1::DeliveryAnswer> approve_candidate(Work& work, const std::string& application,
                                             const std::string& environment, std::uint32_t release,
                                             const std::string& subject) {
  auto deployment = TRY(objects::get<v1::Deployment>(work.txn, deployment_name(application, environment)));
  if (!deployment)
    return fail(Code::kNotFound,
                fmt::format("application {} is not in environment {}", application, environment));
  auto& spec = *deployment->mutable_spec();
  v1::DeliveryAnswer answer;
  answer.set_application(application);
  answer.set_environment(environment);
  if (spec.candidate() == 0 && spec.rolled_back() && (release == 0 || release == spec.release())) {
    end_hold(spec);
    TRY(put_deployment(work, *deployment));
    answer.set_release(spec.release());
    answer.set_state("Unchanged");
    answer.set_reason(fmt::format("nothing waits; the next build gets into {} again", environment));
    return answer;
  }
  if (spec.candidate() == 0) {
    if (release == 0 || release != spec.release())
      return fail(Code::kConflict,
                  fmt::format("nothing waits for approval: application {} wants release {} in {}",
                              application, spec.release(), environment));
    answer.set_release(spec.release());
    answer.set_state("Unchanged");
    answer.set_reason(fmt::format("release {} was let in already", release));
    return answer;
  }
  if (release != 0 && release != spec.candidate())
    return fail(Code::kConflict, fmt::format("release {} does not wait for approval in {}: release {} does",
                                             release, environment, spec.candidate()));
  spec.set_release(spec.candidate());
  spec.set_candidate(0);
  spec.clear_candidate_waits();
  spec.set_approved_by(subject);
  spec.clear_returned_from();
  end_hold(spec);
  TRY(put_deployment(work, *deployment));
  answer.set_release(spec.release());
  answer.set_state("RollingOut");
  return answer;
}

Result<std::optional<WallTime>> settle_candidates(Work& work, const std::string& application) {
  std::optional<WallTime> due;
  std::map<std::string, v1::Deployment> deployments;
  for (auto& deployment : TRY(objects::list<v1::Deployment>(work.txn, {.name_prefix = application + "."})))
    deployments[deployment.spec().environment()] = std::move(deployment);
  for (auto& [name, deployment] : deployments) {
    auto& spec = *deployment.mutable_spec();
    if (spec.candidate() == 0 || spec.deleted()) continue;
    const auto environment = TRY(objects::get<v1::Environment>(work.txn, name));
    if (!environment) continue;
    const auto& policy = environment->spec().builds();
    const auto source = deployments.find(policy.after().environment());
    SourceDeployment from;
    if (source != deployments.end()) from = {&source->second.spec(), &source->second.status()};
    const auto decision = decide_candidate(spec, policy, from, work.now());
    if (decision.due && (!due || *decision.due < *due)) due = decision.due;
    if (decision.fate == CandidateFate::kWait) continue;
    if (decision.fate == CandidateFate::kAskApproval) {
      spec.set_candidate_waits("approval");
    } else {
      spec.set_release(spec.candidate());
      spec.set_candidate(0);
      spec.clear_candidate_waits();
      spec.clear_approved_by();
      spec.clear_returned_from();
    }
    TRY(put_deployment(work, deployment));
  }
  return due;
}

namespace {

// "prod: rolled back by hand: ...".
std::vector<std::string> held_environments(const std::vector<v1::Deployment>& deployments) {
  std::vector<std::string> held;
  for (const auto& deployment : deployments) {
    const auto& spec = deployment.spec();
    if (spec.rolled_back() && !spec.deleted())
      held.push_back(fmt::format("{}: {}", spec.environment(), held_back(spec)));
  }
  return held;
}

}  // namespace

Result<> settle_application(Work& work, const std::string& application) {
  auto app = TRY(objects::get<v1::Application>(work.txn, application));
  if (!app) return {};
  auto deployments = TRY(objects::list<v1::Deployment>(work.txn, {.name_prefix = application + "."}));
  if (app->metadata().has_deletion_timestamp()) {
    for (auto& deployment : deployments) {
      auto& spec = *deployment.mutable_spec();
      spec.set_deleted(true);
      spec.set_candidate(0);
      spec.clear_candidate_waits();
      TRY(put_deployment(work, deployment));
    }
    if (!deployments.empty()) return {};
    for (const auto& release : TRY(objects::list<v1::Release>(work.txn, {.name_prefix = application + "."})))
      TRY(objects::erase(work.txn, model::kind_of(release), release.metadata().name()));
    index_application(work.txn, &*app, nullptr);
    TRY(wake_askers(work, &*app, nullptr));
    TRY(erase_events(work, "Application", application));
    TRY(objects::erase(work.txn, model::kind_of(*app), application));
    return {};
  }
  ConditionValue ready{reasons::kReady, true, reasons::kAvailable, "", app->metadata().generation()};
  for (const auto& deployment : deployments) {
    if (deployment.spec().deleted() || deployment.status().state() == "Ready") continue;
    const auto* why = find_condition(deployment.status().conditions(), reasons::kReady);
    ready.is_true = false;
    ready.reason = why == nullptr ? reasons::kRollingOut : std::string_view(why->reason());
    ready.message =
        fmt::format("{}: {}", deployment.spec().environment(),
                    why == nullptr || why->message().empty() ? deployment.status().state() : why->message());
    break;
  }
  auto& conditions = *app->mutable_status()->mutable_conditions();
  set_condition(conditions, ready, work.now());
  // Said only where it is, or was, so.
  const auto held = held_environments(deployments);
  if (!held.empty() || find_condition(conditions, reasons::kHeldBack) != nullptr) {
    set_condition(
        conditions,
        {reasons::kHeldBack, !held.empty(), held.empty() ? reasons::kAvailable : reasons::kRolledBack,
         fmt::format("{}", fmt::join(held, "; ")), app->metadata().generation()},
        work.now());
  }
  TRY(objects::put_status(work.txn, *app));
  return {};
}

}  // namespace qleet::hub::controllers
