#include "hub/frontend/build_fate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/image_name.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/outcomes.h"
#include "hub/controllers/releases.h"
#include "hub/frontend/operation.h"

namespace qleet::hub::frontend {
namespace {

// Annotation of a build: subjects, with blanks between them.
const std::string kNotifiedBy = "qleet.io/notified-by";
constexpr size_t kMostNotifiers = 50;

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> all;
  for (size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    all.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

// "eu-1: web waits for its probe; us-1: Waiting": of the regions that are not there yet.
std::string progress(const v1::DeploymentStatus& status) {
  std::vector<std::string> parts;
  for (const auto& region : status.regions()) {
    if (region.state() == "Ready") continue;
    parts.push_back(
        fmt::format("{}: {}", region.region(), region.message().empty() ? region.state() : region.message()));
  }
  if (!parts.empty()) return fmt::format("{}", fmt::join(parts, "; "));
  const auto* ready = controllers::find_condition(status.conditions(), reasons::kReady);
  return ready == nullptr ? std::string() : ready->message();
}

Fate waiting(const v1::DeploymentSpec& spec) {
  if (spec.rolled_back()) return {"HeldBack", controllers::held_back(spec)};
  if (spec.candidate_waits() == "approval")
    return {"AwaitingApproval", fmt::format("qleet approve {} {} --release {}", spec.application(),
                                            spec.environment(), spec.candidate())};
  return {"AwaitingEnvironment", "waits for another environment"};
}

Fate rolling(const v1::Deployment& deployment, std::uint32_t release) {
  const auto& status = deployment.status();
  // What the status says may still be about the release before, or about this one when it was tried last.
  if (controllers::needs_reconcile(deployment)) return {"RollingOut", "begins"};
  if (status.failed_release() == release) return {"Failed", progress(status)};
  // After a later one failed: it serves again, which is all that can be said of it.
  if (status.state() == "Returned" && status.release() == release) return {"Ready", ""};
  if (status.state() == "Ready")
    return status.release() == release ? Fate{"Ready", ""} : Fate{"RollingOut", "begins"};
  if (status.state() == "Stalled" || status.state() == "Blocked" || status.state() == "Failed")
    return {status.state(), progress(status)};
  return {"RollingOut", progress(status)};
}

bool was_ready(const v1::Release* release, const std::string& environment) {
  return release != nullptr &&
         std::ranges::find(release->status().ready_in(), environment) != release->status().ready_in().end();
}

bool holds(const v1::Release* release, const v1::BuildSpec& build) {
  return release != nullptr && std::ranges::any_of(release->spec().images(), [&](const v1::PinnedImage& pin) {
           const auto name = model::split_image(pin.image());
           return name.digest == build.digest() && model::same_repository(name.repository, build.image());
         });
}

}  // namespace

bool was_notified_by(const v1::Build& build, const std::string& subject) {
  const auto who = build.metadata().annotations().find(kNotifiedBy);
  if (who == build.metadata().annotations().end()) return false;
  const auto all = words(who->second);
  return std::ranges::find(all, subject) != all.end();
}

void note_notifier(v1::Build& build, const std::string& subject) {
  if (was_notified_by(build, subject)) return;
  auto& who = (*build.mutable_metadata()->mutable_annotations())[kNotifiedBy];
  auto all = words(who);
  all.push_back(subject);
  if (all.size() > kMostNotifiers) all.erase(all.begin());
  who = fmt::format("{}", fmt::join(all, " "));
}

Fate fate_of(const FateInput& input) {
  const auto number = input.answer.release();
  if (input.deployment == nullptr || input.deployment->spec().deleted())
    return {"Superseded", "the application is no longer in this environment", true};
  if (input.answer.state() == "Unchanged" && !input.holds_build) return {"Unchanged", input.answer.reason()};
  const auto& spec = input.deployment->spec();
  if (spec.candidate() == number) return waiting(spec);
  if (spec.release() == number) return rolling(*input.deployment, number);
  if (spec.returned_from() == number || input.deployment->status().failed_release() == number)
    return {"Failed", fmt::format("did not become ready; the hub went back to release {}", spec.release())};
  const auto& environment = input.answer.environment();
  if (const auto* outcome =
          input.release == nullptr ? nullptr : controllers::find_outcome(*input.release, environment))
    return {"Failed", fmt::format("did not become ready: {}", outcome->message())};
  if (!was_ready(input.release, environment) && input.wanted != nullptr &&
      input.wanted->spec().cause() == "rollback" && spec.release() > number)
    return {"Failed", fmt::format("was rolled back before it was ready: release {}", spec.release())};
  const auto by = std::max(spec.release(), spec.candidate());
  // It came true before that.
  if (was_ready(input.release, environment))
    return {"Superseded", fmt::format("was ready, and is replaced by release {}", by)};
  return {"Superseded", fmt::format("replaced by release {}", by), true};
}

std::string overall(const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& fates, bool replaced) {
  const auto any = [&](std::initializer_list<std::string_view> states) {
    return std::ranges::any_of(
        fates, [&](const auto& fate) { return std::ranges::find(states, fate.state()) != states.end(); });
  };
  if (fates.empty()) return std::string(kNotFollowed);
  // What failed ends it, whatever is still on its way elsewhere.
  if (any({"Failed", "Stalled", "Blocked"})) return "Failed";
  if (any({"RollingOut"})) return "RollingOut";
  if (replaced) return "Superseded";
  if (any({"AwaitingApproval", "AwaitingEnvironment", "HeldBack"})) return "Waiting";
  return "Done";
}

Result<v1::DeliveryAnswers> fate_of_build(const Context& context, const Caller& caller,
                                          std::string_view build) {
  const auto reader = TRY(context.store.snapshot());
  const auto found = TRY(objects::get<v1::Build>(*reader, build));
  if (!found || !was_notified_by(*found, caller.subject))
    return fail(Code::kNotFound, fmt::format("{} has told of no build {}", caller.subject, build));
  v1::DeliveryAnswers answers;
  answers.set_build(found->metadata().name());
  answers.set_revision(reader->revision());
  bool replaced = false;
  for (const auto& given : found->status().releases()) {
    const auto& application = given.application();
    const auto deployment = TRY(objects::get<v1::Deployment>(
        *reader, controllers::deployment_name(application, given.environment())));
    const auto release = TRY(controllers::get_release(*reader, application, given.release()));
    const auto wanted =
        TRY(controllers::get_release(*reader, application, deployment ? deployment->spec().release() : 0));
    auto& answer = *answers.add_releases();
    answer = given;
    const auto fate = fate_of({.answer = given,
                               .deployment = deployment ? &*deployment : nullptr,
                               .release = release ? &*release : nullptr,
                               .wanted = wanted ? &*wanted : nullptr,
                               .holds_build = holds(release ? &*release : nullptr, found->spec())});
    replaced = replaced || fate.too_soon;
    answer.set_state(fate.state);
    answer.set_reason(fate.reason);
  }
  answers.set_state(overall(answers.releases(), replaced));
  return answers;
}

}  // namespace qleet::hub::frontend
