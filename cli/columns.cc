#include "cli/columns.h"

#include <algorithm>

#include "common/clock/duration.h"
#include "common/model/keeping.h"
#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::cli {
namespace {

template <class Strings>
std::string joined(const Strings& strings) {
  std::string out;
  for (const auto& text : strings) out += (out.empty() ? "" : ", ") + text;
  return out.empty() ? "-" : out;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string number(unsigned value) { return value ? std::to_string(value) : "-"; }

std::string labels_of(const v1::ObjectMeta& meta) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : meta.labels()) pairs.push_back(key + "=" + value);
  std::ranges::sort(pairs);
  return joined(pairs);
}

// Message of the Ready condition, or of the first that is not true.
std::string message_of(const google::protobuf::RepeatedPtrField<v1::Condition>& conditions) {
  for (const auto& condition : conditions) {
    if (condition.status() != "True" && !condition.message().empty()) return condition.message();
  }
  return "-";
}

// Replicas of workloads: "2/3".
template <class Status>
std::string ready_of(const Status& status) {
  if (status.replicas() == 0 && status.ready() == 0) return "-";
  return std::to_string(status.ready()) + "/" + std::to_string(status.replicas());
}

// What becomes of what it made when nobody needs it.
std::string unused_of(const v1::ProfileSpec& profile) {
  switch (model::after_grace(profile)) {
    case model::AfterGrace::kKeep:
      return "keep data";
    case model::AfterGrace::kRetain:
      return "retain";
    case model::AfterGrace::kDelete:
      break;
  }
  const auto& after = profile.when_unused().after();
  return "delete after " + (after.empty() ? "10m" : after);
}

}  // namespace

std::string age(const google::protobuf::Timestamp& time, WallTime now) {
  if (time.seconds() == 0) return "-";
  const auto then = WallTime(std::chrono::seconds(time.seconds()));
  const auto passed = std::chrono::floor<std::chrono::seconds>(std::max(Millis(0), now - then));
  if (passed < std::chrono::minutes(1)) return std::to_string(passed.count()) + " s";
  return human_duration(passed);
}

Columns columns_of(const google::protobuf::Message& prototype) {
  const auto& name = prototype.GetDescriptor()->name();
  if (name == "Application")
    return {{"NAME", "STATE", "READY", "RESTARTS", "RELEASE", "ENVIRONMENTS", "AGE"}, {"WORKLOADS"}};
  if (name == "Environment") return {{"NAME", "REGIONS", "BUILDS", "PROFILES", "AGE"}, {}};
  if (name == "Profile")
    return {{"NAME", "TYPE", "CLASS", "SCOPE", "PROVIDER", "DEFAULT", "UNUSED"}, {"LABELS"}};
  if (name == "Region") return {{"NAME", "AGENT", "STATE", "VERSION", "TAKES", "AGE"}, {"LABELS"}};
  if (name == "Agent")
    return {{"NAME", "REGION", "STATE", "LAST SEEN", "VERSION"}, {"PROVIDERS", "UNCLAIMED"}};
  if (name == "Build") return {{"IMAGE", "TAG", "DIGEST", "REVISION", "AGE"}, {"NAME"}};
  if (name == "Release") return {{"NAME", "CAUSE", "BY", "REVISION", "FAILED IN", "AGE"}, {"IMAGES", "WHY"}};
  if (name == "Deployment")
    return {{"NAME", "RELEASE", "CURRENT", "CANDIDATE", "STATE", "READY", "REGIONS"},
            {"RESTARTS", "MESSAGE"}};
  if (name == "Resource")
    return {{"REGION", "ENVIRONMENT", "APPLICATION", "TYPE", "ID", "STATE", "REASON"}, {"PROFILE", "NAME"}};
  if (name == "Event") return {{"AGE", "TYPE", "REASON", "REGARDING", "COUNT", "MESSAGE"}, {}};
  if (name == "AuditRecord") return {{"AGE", "SUBJECT", "VERB", "REGARDING", "DETAIL"}, {}};
  if (name == "ServiceAccount") return {{"NAME", "ROLE", "APPLICATIONS", "TOKENS", "AGE"}, {}};
  if (name == "Secret") return {{"NAME", "ID", "KEYS", "VERSION", "ENVIRONMENT", "APPLICATIONS", "AGE"}, {}};
  return {{"NAME", "AGE"}, {}};
}

std::string short_image(const std::string& image) {
  constexpr std::string_view kAlgorithm = "@sha256:";
  constexpr size_t kDigits = 12;
  const auto at = image.find(kAlgorithm);
  if (at == std::string::npos) return image;
  return image.substr(0, std::min(image.size(), at + kAlgorithm.size() + kDigits));
}

std::vector<std::string> cells_of(const google::protobuf::Message& object, const RowContext& context) {
  const auto& meta = model::meta(object);
  const WallTime now = context.now;
  const std::string created = age(meta.creation_timestamp(), now);
  if (const auto* application = dynamic_cast<const v1::Application*>(&object)) {
    std::vector<std::string> workloads;
    for (const auto& [name, _] : application->spec().workloads()) workloads.push_back(name);
    std::ranges::sort(workloads);
    const std::string environments =
        application->spec().environments().empty() ? "default" : joined(application->spec().environments());
    const auto& status = application->status();
    return {meta.name(),
            meta.has_deletion_timestamp() ? "Deleting" : or_dash(status.state()),
            ready_of(status),
            std::to_string(status.restarts()),
            number(status.latest_release()),
            environments,
            created,
            joined(workloads)};
  }
  if (const auto* environment = dynamic_cast<const v1::Environment*>(&object)) {
    const auto& builds = environment->spec().builds();
    const std::string by = builds.has_after()    ? "after " + builds.after().environment()
                           : builds.by().empty() ? "auto"
                                                 : builds.by();
    return {meta.name(), joined(environment->status().regions()), by, joined(environment->spec().profiles()),
            created};
  }
  if (const auto* profile = dynamic_cast<const v1::Profile*>(&object)) {
    const auto& spec = profile->spec();
    return {meta.name(),
            spec.satisfies().type(),
            or_dash(spec.satisfies().class_()),
            spec.scope().empty() ? "workload" : spec.scope(),
            spec.provider(),
            spec.default_() ? "yes" : "-",
            unused_of(spec),
            labels_of(meta)};
  }
  if (const auto* region = dynamic_cast<const v1::Region*>(&object)) {
    const auto& agent = region->status().agent();
    const auto serving = context.agents.find(agent);
    const bool known = serving != context.agents.end();
    return {meta.name(),
            or_dash(agent),
            agent.empty() ? "NoAgent" : or_dash(known ? serving->second.status().state() : ""),
            or_dash(known ? serving->second.status().version() : ""),
            region->spec().cordoned() ? "nothing new (cordoned)" : "all",
            created,
            labels_of(meta)};
  }
  if (const auto* agent = dynamic_cast<const v1::Agent*>(&object)) {
    const auto& status = agent->status();
    return {meta.name(),
            agent->spec().region(),
            or_dash(status.state()),
            age(status.last_seen(), now),
            or_dash(status.version()),
            joined(status.providers()),
            number(static_cast<unsigned>(status.unclaimed_size()))};
  }
  if (const auto* build = dynamic_cast<const v1::Build*>(&object)) {
    const auto& spec = build->spec();
    return {spec.image(), or_dash(spec.tag()), spec.digest().substr(0, 19), or_dash(spec.revision()),
            created,      meta.name()};
  }
  if (const auto* release = dynamic_cast<const v1::Release*>(&object)) {
    std::vector<std::string> images;
    for (const auto& image : release->spec().images()) images.push_back(short_image(image.image()));
    std::vector<std::string> failed;
    std::vector<std::string> why;
    for (const auto& outcome : release->status().outcomes()) {
      failed.push_back(outcome.environment() + (outcome.returned_to() == 0
                                                    ? ""
                                                    : ", back to " + std::to_string(outcome.returned_to())));
      why.push_back(outcome.environment() + ": " + outcome.message());
    }
    return {meta.name(),
            release->spec().cause() +
                (release->spec().cause_detail().empty() ? "" : " " + release->spec().cause_detail()),
            or_dash(release->spec().created_by()),
            or_dash(release->spec().source_revision()),
            joined(failed),
            created,
            joined(images),
            joined(why)};
  }
  if (const auto* deployment = dynamic_cast<const v1::Deployment*>(&object)) {
    std::vector<std::string> regions;
    for (const auto& region : deployment->status().regions())
      regions.push_back(region.region() + " " + region.state());
    return {meta.name(),
            number(deployment->spec().release()),
            number(deployment->status().release()),
            number(deployment->spec().candidate()),
            or_dash(deployment->status().state()),
            ready_of(deployment->status()),
            joined(regions),
            std::to_string(deployment->status().restarts()),
            message_of(deployment->status().conditions())};
  }
  if (const auto* resource = dynamic_cast<const v1::Resource*>(&object)) {
    const auto& spec = resource->spec();
    std::string reason = "-";
    for (const auto& condition : resource->status().conditions()) {
      if (condition.type() == "Ready" && condition.status() != "True") reason = or_dash(condition.reason());
    }
    return {spec.region(),
            or_dash(spec.environment()),
            or_dash(spec.application()),
            spec.type(),
            spec.id(),
            resource->status().state().empty() ? "Pending" : resource->status().state(),
            reason,
            spec.profile(),
            meta.name()};
  }
  if (const auto* event = dynamic_cast<const v1::Event*>(&object)) {
    const auto& spec = event->spec();
    return {age(spec.last_seen(), now),
            spec.type(),
            spec.reason(),
            spec.regarding_kind() + "/" + spec.regarding_name(),
            number(spec.count()),
            spec.message()};
  }
  if (const auto* record = dynamic_cast<const v1::AuditRecord*>(&object)) {
    const auto& spec = record->spec();
    return {age(spec.time(), now), spec.subject(), spec.verb(),
            spec.regarding_kind() + "/" + spec.regarding_name(), or_dash(spec.detail())};
  }
  if (const auto* account = dynamic_cast<const v1::ServiceAccount*>(&object)) {
    const auto& applications = account->spec().applications();
    return {meta.name(), account->spec().role(), applications.empty() ? "all" : joined(applications),
            std::to_string(account->status().tokens_size()), created};
  }
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&object)) {
    const auto& spec = secret->spec();
    std::vector<std::string> keys;
    for (const auto& [key, value] : spec.data()) keys.push_back(key);
    std::ranges::sort(keys);
    return {meta.name(),
            spec.id().empty() ? meta.name() : spec.id(),
            joined(keys),
            std::to_string(meta.generation()),
            spec.environment().empty() ? "every" : spec.environment(),
            spec.applications().empty() ? "every" : joined(spec.applications()),
            created};
  }
  return {meta.name(), created};
}

}  // namespace qleet::cli
