#include "hub/fleet/freshness.h"

#include "common/clock/duration.h"
#include "common/model/reasons.h"
#include "google/protobuf/util/time_util.h"

namespace qleet::hub {

std::optional<std::string> Freshness::stale_region(std::string_view region) const {
  const auto agent = agents_.serving(region);
  if (!agent) return "no agent serves region " + std::string(region);
  const Sight sight = liveness_.sight(*agent);
  switch (sight.presence) {
    case Presence::kConnected:
    case Presence::kExpected:
      return std::nullopt;
    case Presence::kNeverSeen:
      return "agent " + *agent + " has not connected yet";
    case Presence::kLost:
      break;
  }
  return "agent " + *agent + " has not been heard " +
         (sight.last_seen ? "since " + format_time(*sight.last_seen) : "since this hub started");
}

std::optional<std::string> Freshness::stale(const v1::Resource& resource) const {
  const auto& status = resource.status();
  if (status.boot_id().empty()) return std::nullopt;
  if (status.epoch() != epoch_) return "reported to an earlier life of the hub's store";
  return stale_region(resource.spec().region());
}

void Freshness::refresh(v1::Resource& resource) const {
  const auto why = stale(resource);
  if (!why) return;
  auto& status = *resource.mutable_status();
  status.set_state(std::string(reasons::kStale));
  for (auto& condition : *status.mutable_conditions()) {
    if (condition.type() != reasons::kReady) continue;
    condition.set_status("Unknown");
    condition.set_reason(std::string(reasons::kStale));
    condition.set_message(*why + "; last: " + condition.message());
  }
}

void Freshness::refresh(v1::Agent& agent) const {
  const Sight sight = liveness_.sight(agent.metadata().name());
  if (!sight.last_seen) return;
  *agent.mutable_status()->mutable_last_seen() =
      google::protobuf::util::TimeUtil::MillisecondsToTimestamp(sight.last_seen->time_since_epoch().count());
}

void Freshness::refresh(google::protobuf::Message& object) const {
  if (auto* resource = dynamic_cast<v1::Resource*>(&object)) return refresh(*resource);
  if (auto* agent = dynamic_cast<v1::Agent*>(&object)) return refresh(*agent);
}

}  // namespace qleet::hub
