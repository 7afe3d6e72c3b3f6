#include "hub/controllers/outcomes.h"

#include <algorithm>

#include "hub/controllers/image_digests.h"
#include "hub/controllers/releases.h"

namespace qleet::hub::controllers {
namespace {

v1::ReleaseOutcome* outcome_in(v1::Release& release, std::string_view environment) {
  auto& all = *release.mutable_status()->mutable_outcomes();
  const auto found = std::ranges::find(all, environment, &v1::ReleaseOutcome::environment);
  return found == all.end() ? nullptr : &*found;
}

// Nothing of a release but its status changes, and that does not make it a later one.
Result<> put(Work& work, v1::Release& release) {
  release.mutable_status()->set_made_at(made_at(release));
  TRY(objects::put_status(work.txn, release));
  return {};
}

}  // namespace

Result<> note_ready(Work& work, const std::string& application, std::uint32_t release,
                    const std::string& environment) {
  auto found = TRY(get_release(work.txn, application, release));
  if (!found) return {};
  auto& known = *found->mutable_status()->mutable_ready_in();
  const bool noted = std::ranges::find(known, environment) != known.end();
  if (noted && outcome_in(*found, environment) == nullptr) return {};
  if (!noted) known.Add(std::string(environment));
  std::ranges::sort(known);
  auto& outcomes = *found->mutable_status()->mutable_outcomes();
  outcomes.erase(
      std::remove_if(outcomes.begin(), outcomes.end(),
                     [&](const v1::ReleaseOutcome& one) { return one.environment() == environment; }),
      outcomes.end());
  return put(work, *found);
}

Result<> note_failed(Work& work, const std::string& application, std::uint32_t release,
                     const Failure& failure, bool again) {
  auto found = TRY(get_release(work.txn, application, release));
  if (!found) return {};
  auto* outcome = outcome_in(*found, failure.environment);
  if (outcome != nullptr && !again) return {};
  if (outcome == nullptr) outcome = found->mutable_status()->add_outcomes();
  outcome->Clear();
  outcome->set_environment(failure.environment);
  outcome->set_state("Failed");
  outcome->set_reason(std::string(failure.reason));
  outcome->set_message(failure.message);
  *outcome->mutable_time() = objects::timestamp(work.now());
  return put(work, *found);
}

Result<> note_returned(Work& work, const std::string& application, std::uint32_t release,
                       const std::string& environment, std::uint32_t good) {
  auto found = TRY(get_release(work.txn, application, release));
  auto* outcome = found ? outcome_in(*found, environment) : nullptr;
  if (outcome == nullptr) return {};
  outcome->set_returned_to(good);
  return put(work, *found);
}

const v1::ReleaseOutcome* find_outcome(const v1::Release& release, std::string_view environment) {
  const auto& all = release.status().outcomes();
  const auto found = std::ranges::find(all, environment, &v1::ReleaseOutcome::environment);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace qleet::hub::controllers
