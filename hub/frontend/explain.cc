#include "hub/frontend/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/clock/duration.h"
#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/deployment_pace.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/health.h"
#include "hub/controllers/times.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::find_condition;
using controllers::from_timestamp;
using controllers::Health;

std::string joined_regions(const v1::Deployment& deployment) {
  std::vector<std::string> names;
  for (const auto& region : deployment.status().regions()) names.push_back(region.region());
  return fmt::format("{}", fmt::join(names, ", "));
}

// The region that a person should look at first.
const v1::RegionRollout* first_in_trouble(const v1::DeploymentStatus& status) {
  const v1::RegionRollout* found = nullptr;
  // What waited for it, and why it has not become ready, says more than the state of another.
  if (status.state() == "Failed") {
    const auto waited = std::ranges::find_if(
        status.regions(), [](const v1::RegionRollout& region) { return region.has_progressed(); });
    if (waited != status.regions().end()) return &*waited;
  }
  for (const char* state : {"Stalled", "RollingOut", "Stale", "Waiting", "Leaving"}) {
    for (const auto& region : status.regions()) {
      if (found == nullptr && region.state() == state) found = &region;
    }
  }
  return found;
}

// The resource that the others wait for.
Result<std::optional<v1::Resource>> culprit_of(const Reader& reader, const std::string& deployment,
                                               const std::string& region) {
  const auto resources = TRY(controllers::resources_of(reader, deployment, region));
  const auto health = controllers::health_of(resources);
  if (health.culprit.empty()) return std::nullopt;
  return objects::get<v1::Resource>(reader, health.culprit);
}

}  // namespace

std::string repair_for(std::string_view reason, const v1::Resource* resource) {
  const auto profile =
      resource == nullptr ? std::string("its profile") : "profile " + resource->spec().profile();
  const bool workload = resource != nullptr && resource->spec().type() == "workload";
  const auto where = workload ? std::string("the application") : profile;
  if (reason == reasons::kImageMissing)
    return fmt::format("push the image (or build it on the host), or name another one in {}.", where);
  if (reason == reasons::kImageGone)
    return fmt::format("bring that very image back to its registry or host, or name another one in {}.",
                       where);
  if (reason == reasons::kRegistryUnreachable)
    return fmt::format("repair the way from the region's host to the registry, or name another image in {}.",
                       where);
  if (reason == reasons::kImageRefused)
    return fmt::format(
        "give the region's agent credentials for the registry (qleet-agent run --registry-auth FILE), or "
        "name another image in {}.",
        where);
  if (reason == reasons::kOutOfMemory)
    return fmt::format("raise the memory limit in {}, or have it use less.", where);
  if (reason == reasons::kProbeFailing || reason == reasons::kExited) {
    if (resource == nullptr || resource->spec().application().empty())
      return fmt::format("look at what it says on its host, and at {}.", profile);
    const auto& spec = resource->spec();
    if (workload)
      return fmt::format("see what it says: qleet logs {}/{} -e {}", spec.application(), spec.id(),
                         spec.environment());
    return fmt::format("see what it says: qleet logs {} --resource {}/{} -e {}; and look at {}.",
                       spec.application(), spec.type(), spec.id(), spec.environment(), profile);
  }
  if (reason == reasons::kPortInUse) return "free the port on the host, or ask for another one.";
  if (reason == reasons::kLimitRefused)
    return fmt::format("ask for a lower limit in {}, or raise the host's.", where);
  if (reason == reasons::kHostUnavailable) return "start the container engine on the region's host.";
  if (reason == reasons::kNoSecret)
    return "set it (qleet secret set NAME KEY=-), or ask for another id or key.";
  if (reason == reasons::kWaitingForValues)
    return "the hub's log says why it cannot send them; set the secret anew if its key is lost.";
  if (reason == reasons::kProviderMissing && resource != nullptr && resource->spec().has_secret())
    return "upgrade the region's agent (docs/operations/upgrade.md).";
  if (reason == reasons::kProviderMissing)
    return fmt::format("give the region an agent with provider {}, or choose another profile.",
                       resource == nullptr ? "" : resource->spec().provider());
  if (reason == reasons::kInvalidTemplate) return fmt::format("correct {}.", where);
  if (reason == reasons::kStale || reason == reasons::kWaitingForAgent)
    return "look at the agent's machine: whether qleet-agent runs there, what it logs, and its way to the "
           "hub.";
  if (reason == reasons::kNoProfile)
    return "write a profile for it (qleet get profiles shows what there is), or ask for another type or "
           "class.";
  if (reason == reasons::kNotOffered)
    return "have the application that shall answer offer this id (offers), or ask for another one.";
  if (reason == reasons::kNotAllowed)
    return "ask for something else and apply it again, or have the operator, or the host's owner, allow it.";
  if (reason == reasons::kNoRegion)
    return "add a region (qleet agent join-token --region <name>), or change the environment's selector.";
  if (reason == reasons::kNoEnvironment) return "make the environment, or take it out of the application.";
  if (reason == reasons::kProfileCycle) return "take one profile's requires out of the circle.";
  if (reason == reasons::kResourceTooLarge)
    return "make what it is given smaller: put large files into the image, or let it fetch them.";
  if (reason == reasons::kInvalidParams || reason == reasons::kResourceConflict)
    return "change what the application asks for, and apply it again.";
  if (reason == reasons::kDataWouldBeLost)
    return "ask for it under another id, let the profile before serve it again, or, where the data may go, "
           "delete it as the message says.";
  return {};
}

std::string since_text(const v1::Resource& resource, WallTime now) {
  const auto& status = resource.status();
  const auto* ready = find_condition(status.conditions(), reasons::kReady);
  std::string text;
  if (ready != nullptr && ready->has_last_transition_time()) {
    const auto since = from_timestamp(ready->last_transition_time());
    text = fmt::format("Since {} ({})", format_time(since), human_duration(std::max(now - since, Millis(0))));
  }
  if (status.attempts() > 1)
    text += fmt::format("{}tried {} times", text.empty() ? "" : ", ", status.attempts());
  if (status.has_next_attempt() && from_timestamp(status.next_attempt()) > now)
    text += fmt::format("{}next try in {}", text.empty() ? "" : ", ",
                        human_duration(from_timestamp(status.next_attempt()) - now));
  return text.empty() ? text : text + ".";
}

Shown shown(const v1::Resource& resource, const v1::Region* region) {
  const auto& status = resource.status();
  const auto* ready = find_condition(status.conditions(), reasons::kReady);
  Shown result;
  result.reason = ready == nullptr ? "" : ready->reason();
  result.message = ready == nullptr ? "" : ready->message();
  if (region != nullptr) {
    const auto connection = controllers::connection_of(*region);
    if (!connection.connected) return {"Stale", std::string(reasons::kStale), connection.message};
  }
  if (resource.spec().deleted()) {
    result.state = "Deleting";
  } else if (status.has_unused_since()) {
    result.state = model::stays_unused(resource.spec()) ? "Retained" : "Unused";
    result.reason = result.state;
    result.message =
        fmt::format("nobody needs it since {}", format_time(from_timestamp(status.unused_since())));
  } else {
    const auto health = controllers::health_of(resource);
    result.reason = health.reason;
    result.message = health.message;
    const bool newest = health.reason != reasons::kWaitingForAgent || status.state() == "Stalled";
    if (health.health == Health::kReady) {
      result.state = "Ready";
      result.message = ready == nullptr ? "" : ready->message();
    } else if (!newest) {
      result.state = status.state().empty() ? "Pending" : "Progressing";
    } else {
      result.state = status.state().empty() ? "Pending" : status.state();
    }
  }
  return result;
}

Explanation explain(const v1::Resource& resource, const v1::Region* region, WallTime now) {
  const auto state = shown(resource, region);
  Explanation result;
  result.state = state.state;
  result.ready = state.state == "Ready";
  const auto what = fmt::format("{} in {}", controllers::label_of(resource), resource.spec().region());
  if (!result.ready) result.cause = resource.metadata().name();
  if (result.ready) {
    result.summary = fmt::format("{} is ready{}{}", what, state.message.empty() ? "" : ": ", state.message);
    return result;
  }
  result.summary =
      fmt::format("{} is {}{}{}", what, state.state, state.message.empty() ? "" : ": ", state.message);
  if (auto since = since_text(resource, now); !since.empty()) result.details.push_back(std::move(since));
  result.repair = repair_for(state.reason, &resource);
  if (state.state == "Retained") {
    result.repair =
        fmt::format("qleet delete resource {} takes it away for good.", resource.metadata().name());
  } else if (state.state == "Unused") {
    const auto due =
        from_timestamp(resource.status().unused_since()) + Millis(resource.spec().when_unused().after_ms());
    result.details.push_back(
        fmt::format("It is deleted at {} unless somebody asks for it again.", format_time(due)));
  }
  return result;
}

namespace {

std::string repair_of_returned(const v1::DeploymentSpec& spec) {
  return fmt::format("correct it and apply it again; qleet diff {} {} {} shows what it changed.",
                     spec.application(), spec.release(), spec.returned_from());
}

// How long the hub still waits for it; empty where it has no deadline now.
Result<std::string> deadline_text(const Reader& reader, const v1::Deployment& deployment, WallTime now) {
  const auto& spec = deployment.spec();
  const auto environment = TRY(objects::get<v1::Environment>(reader, spec.environment()));
  if (!environment) return std::string();
  const auto at = TRY(controllers::fails_at(reader, deployment, environment->spec().rollout()));
  if (!at) return std::string();
  return fmt::format("Release {} fails in {} ({}) unless it comes further.", spec.release(),
                     human_duration(std::max(*at - now, Millis(0))), format_time(*at));
}

// On its way back: what failed is what somebody has to know, and then how far the way back is.
void tell_return(const v1::Deployment& deployment, const std::string& subject, Explanation& result) {
  const auto& spec = deployment.spec();
  const auto* failure = find_condition(deployment.status().conditions(), reasons::kProgressing);
  const auto why = failure == nullptr || failure->message().empty()
                       ? fmt::format("release {} failed", spec.returned_from())
                       : failure->message();
  const auto now = result.summary.substr(std::min(result.summary.size(), subject.size() + 2));
  result.details.insert(result.details.begin(),
                        fmt::format("It is going back to release {}: {}", spec.release(), now));
  result.summary = fmt::format("{}: {}", subject, why);
  result.repair = repair_of_returned(spec);
}

}  // namespace

Result<Explanation> explain(const Reader& reader, const v1::Deployment& deployment, WallTime now) {
  const auto& spec = deployment.spec();
  const auto& status = deployment.status();
  Explanation result;
  // What is said of the one before is nothing about what is wanted.
  const bool begins = spec.release() != 0 && spec.release() != status.release() &&
                      spec.returned_from() == 0 && !spec.deleted() && !status.state().empty() &&
                      controllers::needs_reconcile(deployment);
  if (begins) {
    result.state = "RollingOut";
    result.summary = fmt::format("{} is not ready in {}: release {} is about to be rolled out",
                                 spec.application(), spec.environment(), spec.release());
    return result;
  }
  result.state = status.state();
  result.ready = status.state() == "Ready";
  const auto subject =
      fmt::format("{} is {}ready in {}", spec.application(), result.ready ? "" : "not ", spec.environment());
  if (result.ready) {
    result.summary =
        fmt::format("{} (release {} in {})", subject, status.release(), joined_regions(deployment));
    return result;
  }
  const auto* ready = find_condition(status.conditions(), reasons::kReady);
  if (status.state().empty()) {
    result.summary = fmt::format("{}: the hub has not looked at it yet", subject);
    return result;
  }
  if (status.state() == "Returned") {
    result.summary = fmt::format("{}: {}", subject, ready == nullptr ? status.state() : ready->message());
    result.repair = repair_of_returned(spec);
    return result;
  }
  const auto* region = first_in_trouble(status);
  const bool of_region =
      status.state() == "RollingOut" || status.state() == "Stalled" || status.state() == "Failed";
  if (!of_region || region == nullptr) {
    result.summary = fmt::format("{}: {}", subject, ready == nullptr ? status.state() : ready->message());
    if (ready != nullptr) result.repair = repair_for(ready->reason(), nullptr);
    if (status.state() == "AwaitingApproval")
      result.repair = fmt::format("qleet approve {} {} --release {}", spec.application(), spec.environment(),
                                  spec.candidate());
    return result;
  }
  if (region->state() == "Stale") {
    result.summary = fmt::format("{}: region {} is stale: {}", subject, region->region(), region->message());
    result.repair = repair_for(reasons::kStale, nullptr);
    return result;
  }
  const auto culprit = TRY(culprit_of(reader, deployment.metadata().name(), region->region()));
  if (!culprit) {
    result.summary = fmt::format("{}: region {}: {}", subject, region->region(),
                                 region->message().empty() ? region->state() : region->message());
    return result;
  }
  result.cause = culprit->metadata().name();
  const auto health = controllers::health_of(*culprit);
  result.summary = fmt::format("{}: {} in {}: {}", subject, controllers::label_of(*culprit), region->region(),
                               health.message);
  if (status.state() == "Failed" && ready != nullptr) {
    result.details.push_back(fmt::format("It has failed: {}", ready->message()));
    if (status.release() == 0) result.details.push_back("There is no release before it to go back to.");
  }
  if (const auto restarts = culprit->status().restarts(); restarts > 0)
    result.details.push_back(fmt::format("Its containers were restarted {} times.", restarts));
  if (auto since = since_text(*culprit, now); !since.empty()) result.details.push_back(std::move(since));
  if (auto deadline = TRY(deadline_text(reader, deployment, now)); !deadline.empty())
    result.details.push_back(std::move(deadline));
  // An agent that is there and works will get to it.
  if (health.reason != reasons::kWaitingForAgent) result.repair = repair_for(health.reason, &*culprit);
  if (spec.returned_from() != 0) tell_return(deployment, subject, result);
  return result;
}

}  // namespace qleet::hub::frontend
