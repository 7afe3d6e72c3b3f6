// Going back: the part of releases.h about rollbacks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "hub/controllers/delivery_run.h"
#include "hub/controllers/image_digests.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/pending.h"

namespace qleet::hub::controllers {
namespace {

// Tags that a hub of before left as they are: whatever they are now, it is one content from here on.
void pin_what_is_not(v1::ReleaseSpec& spec) {
  std::vector<v1::PinnedImage> builds;
  std::vector<v1::PinnedImage> tags;
  for (const auto& pin : spec.images()) (is_tag_pin(pin) ? tags : builds).push_back(pin);
  tags = pin_tags(as_written(spec), builds, tags, false);
  spec.mutable_images()->Assign(builds.begin(), builds.end());
  spec.mutable_images()->Add(tags.begin(), tags.end());
}

// The newest release before the one that `deployment` wants that means something else in its environment, and
// is good enough. 0: there is none.
Result<std::uint32_t> newest_ready(const Reader& reader, const std::string& application,
                                   const std::string& environment, const v1::Deployment* deployment,
                                   const std::function<bool(const v1::Release&)>& good) {
  const auto running = deployment == nullptr ? 0 : deployment->spec().release();
  const auto current = TRY(get_release(reader, application, running));
  for (auto number = running; current && number > 1; --number) {
    const auto older = TRY(get_release(reader, application, number - 1));
    if (older && good(*older) && !same_in(environment, older->spec(), current->spec())) return number - 1;
  }
  return 0;
}

}  // namespace

Result<std::vector<v1::DeliveryAnswer>> roll_back(Work& work, const Rollback& request) {
  auto app = TRY(objects::get<v1::Application>(work.txn, request.application));
  if (!app) return fail(Code::kNotFound, fmt::format("application {} does not exist", request.application));
  Delivery delivery(work, *app);
  TRY(delivery.load());
  std::vector<std::string> targets;
  for (const auto& [name, environment] : delivery.environments_) {
    if (request.environment.empty() || name == request.environment) targets.push_back(name);
  }
  if (targets.empty())
    return fail(Code::kNotFound,
                fmt::format("application {} is not in environment {}; it is in: {}", request.application,
                            request.environment, fmt::join(environments_of(app->spec()), ", ")));
  const auto deployment_of = [&](const std::string& name) -> const v1::Deployment* {
    const auto found = delivery.deployments_.find(name);
    return found == delivery.deployments_.end() || found->second.metadata().uid().empty() ? nullptr
                                                                                          : &found->second;
  };
  // The first environment in which it was never ready; none where it was in all.
  const auto never_ready = [&](const v1::Release& release) {
    return std::ranges::find_if(targets, [&](const std::string& name) {
      const auto* deployment = deployment_of(name);
      return deployment != nullptr && !was_ready(release, name, deployment);
    });
  };
  auto to = request.to_release;
  const auto newest =
      TRY(newest_ready(work.txn, request.application, targets.front(), deployment_of(targets.front()),
                       [&](const v1::Release& release) { return never_ready(release) == targets.end(); }));
  if (to == 0) to = newest;
  if (to == 0)
    return fail(Code::kInvalid,
                fmt::format("application {} has no release before the one that runs in {} that was ever "
                            "ready there: there is nothing to go back to; qleet history {} lists them",
                            request.application, fmt::join(targets, ", "), request.application));
  const auto old = TRY(get_release(work.txn, request.application, to));
  if (!old)
    return fail(Code::kNotFound, fmt::format("application {} has no release {}; qleet history {} lists them",
                                             request.application, to, request.application));
  if (const auto where = never_ready(*old); where != targets.end() && !request.force)
    return fail(
        Code::kConflict,
        fmt::format("release {} of application {} was never ready in {}{}; --force goes to it all the "
                    "same",
                    to, request.application, *where,
                    newest == 0 ? "" : fmt::format("; the newest release that was is {}", newest)));
  auto spec = old->spec();
  pin_what_is_not(spec);
  spec.set_cause("rollback");
  spec.set_cause_detail(fmt::format("release {}", to));
  spec.set_created_by(request.subject);
  spec.set_application_generation(app->metadata().generation());
  const auto newest_before = delivery.head_;
  spec.set_instead_of(newest_before ? newest_before->spec().number() : 0);
  TRY(delivery.record(spec));
  const auto number = delivery.head_->spec().number();
  if (targets.size() == delivery.environments_.size()) {
    app->mutable_status()->set_latest_release(number);
    TRY(objects::put_status(work.txn, *app));
  }
  for (const auto& name : targets) {
    auto found = delivery.deployments_.find(name);
    if (found == delivery.deployments_.end() || found->second.metadata().uid().empty()) continue;
    auto& target = *found->second.mutable_spec();
    // What has not proven itself is nothing to go back to: what counts is how it was with what has.
    if (target.release() == found->second.status().release())
      target.set_rolled_back_before(target.rolled_back());
    target.set_release(number);
    target.set_candidate(0);
    target.clear_candidate_waits();
    target.set_approved_by(request.subject);
    // Going forward to what is the newest holds nothing back.
    if (!newest_before || !same_in(name, newest_before->spec(), spec))
      target.set_rolled_back(true);
    else
      end_hold(target);
    target.clear_returned_from();
    delivery.states_[name] = "RollingOut";
    delivery.reasons_[name] = held_back(target);
    TRY(put_deployment(work, found->second));
  }
  auto answers = TRY(delivery.answers());
  for (auto& answer : answers) answer.set_content_of(to);
  return answers;
}

}  // namespace qleet::hub::controllers
