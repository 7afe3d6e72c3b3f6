#include "hub/fleet/agent_status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/clock/duration.h"
#include "common/model/reasons.h"
#include "common/sync/accept.h"
#include "google/protobuf/util/time_util.h"

namespace qleet::hub {
namespace {

google::protobuf::Timestamp stamp(WallTime time) {
  return google::protobuf::util::TimeUtil::MillisecondsToTimestamp(time.time_since_epoch().count());
}

// Keeps the transition time where the condition says what it said before.
void set_condition(google::protobuf::RepeatedPtrField<v1::Condition>& conditions, std::string_view type,
                   std::string_view status, std::string_view reason, std::string message, WallTime now) {
  auto it = std::ranges::find(conditions, type, [](const auto& c) { return std::string_view(c.type()); });
  v1::Condition& condition = it == conditions.end() ? *conditions.Add() : *it;
  if (condition.type().empty() || condition.status() != status)
    *condition.mutable_last_transition_time() = stamp(now);
  condition.set_type(std::string(type));
  condition.set_status(std::string(status));
  condition.set_reason(std::string(reason));
  condition.set_message(std::move(message));
}

template <class Names>
std::string listed(const Names& names) {
  constexpr int kShown = 5;
  std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), kShown));
  const int rest = names.size() - static_cast<int>(shown.size());
  return fmt::format("{}{}", fmt::join(shown, ", "), rest > 0 ? fmt::format(" and {} more", rest) : "");
}

void describe_connection(const AgentFacts& facts, WallTime now, v1::AgentStatus& status) {
  const auto& sight = facts.sight;
  auto& conditions = *status.mutable_conditions();
  if (facts.revoked) {
    status.set_state("Revoked");
    set_condition(conditions, reasons::kConnected, "False", reasons::kRevoked, "its identity was revoked",
                  now);
  } else if (facts.suspended) {
    status.set_state("Lost");
    set_condition(conditions, reasons::kConnected, "False", reasons::kSuspended,
                  "cut off for a while: it sent more than an agent can mean", now);
  } else if (sight.presence == Presence::kConnected) {
    status.set_state("Connected");
    set_condition(conditions, reasons::kConnected, "True", reasons::kHeartbeatReceived, "", now);
  } else if (sight.presence == Presence::kLost) {
    status.set_state("Lost");
    set_condition(conditions, reasons::kConnected, "False", reasons::kHeartbeatMissed,
                  sight.last_seen ? "not heard since " + format_time(*sight.last_seen)
                                  : "not heard since this hub started",
                  now);
  }
}

void describe_agreement(const wire::v1::Heartbeat& beat, WallTime now, v1::AgentStatus& status) {
  auto& conditions = *status.mutable_conditions();
  if (sync::negotiate(beat.protocol_min(), beat.protocol()) == 0) {
    set_condition(conditions, reasons::kSynced, "False", reasons::kProtocolRefused,
                  sync::protocol_refusal(beat.protocol_min(), beat.protocol()) + "; what runs goes on", now);
  } else if (!beat.refusal().empty()) {
    set_condition(conditions, reasons::kSynced, "False", reasons::kEpochRefused, beat.refusal(), now);
  } else if (beat.kept_size() > 0) {
    set_condition(conditions, reasons::kSynced, "False", reasons::kDeletesNotHonoured,
                  "deletes from before the store was restored are not carried out: " + listed(beat.kept()) +
                      "; what shall go, delete again: qleet delete resource <name>",
                  now);
  } else if (beat.unclaimed_size() > 0) {
    set_condition(conditions, reasons::kSynced, "True", reasons::kUnclaimedResources,
                  "kept running though this hub does not know them: " + listed(beat.unclaimed()), now);
  } else {
    set_condition(conditions, reasons::kSynced, "True", reasons::kInSync, "", now);
  }
}

void describe_work(const wire::v1::Heartbeat& beat, WallTime now, v1::AgentStatus& status) {
  auto& conditions = *status.mutable_conditions();
  if (!beat.trouble().empty()) {
    set_condition(conditions, reasons::kWorking, "False", reasons::kJournalUnwritable,
                  "what runs goes on, but nothing is changed or reported: " + beat.trouble(), now);
  } else {
    set_condition(conditions, reasons::kWorking, "True", reasons::kJournalWritable, "", now);
  }
}

// Said only once there was something to say.
void describe_copies(const AgentFacts& facts, WallTime now, v1::AgentStatus& status) {
  auto& conditions = *status.mutable_conditions();
  if (facts.copies)
    set_condition(
        conditions, reasons::kUnique, "False", reasons::kCopiesRunning,
        fmt::format("two processes have the state of this agent: boot {} serves, boot {} is cut off",
                    facts.copies->serving, facts.copies->other),
        now);
  else if (std::ranges::find(conditions, reasons::kUnique,
                             [](const auto& c) { return std::string_view(c.type()); }) != conditions.end())
    set_condition(conditions, reasons::kUnique, "True", reasons::kOneRunning, "", now);
}

}  // namespace

void describe(const AgentFacts& facts, WallTime now, v1::Agent& agent) {
  auto& status = *agent.mutable_status();
  const std::string before = status.state();
  describe_connection(facts, now, status);
  if (status.state() != before) {
    *status.mutable_since() = stamp(now);
    if (facts.sight.last_seen) *status.mutable_last_seen() = stamp(*facts.sight.last_seen);
  }
  describe_copies(facts, now, status);
  if (facts.schemas) *status.mutable_schemas() = *facts.schemas;
  const auto& beat = facts.beat;
  if (beat.boot_id().empty()) return;
  status.set_version(beat.version());
  status.set_protocol(beat.protocol());
  status.set_boot_id(beat.boot_id());
  status.set_epoch(beat.epoch());
  *status.mutable_providers() = beat.providers();
  *status.mutable_unclaimed() = beat.unclaimed();
  describe_agreement(beat, now, status);
  describe_work(beat, now, status);
}

void describe(const v1::Agent& serving, v1::Region& region) {
  auto& status = *region.mutable_status();
  status.set_agent(serving.metadata().name());
  for (const auto& condition : serving.status().conditions()) {
    if (condition.type() != reasons::kConnected) continue;
    auto& conditions = *status.mutable_conditions();
    auto it = std::ranges::find(conditions, condition.type(), &v1::Condition::type);
    (it == conditions.end() ? *conditions.Add() : *it) = condition;
  }
}

bool same_facts(const wire::v1::Heartbeat& a, const wire::v1::Heartbeat& b) {
  return a.protocol() == b.protocol() && a.protocol_min() == b.protocol_min() && a.boot_id() == b.boot_id() &&
         a.epoch() == b.epoch() && a.version() == b.version() && a.refusal() == b.refusal() &&
         a.trouble() == b.trouble() && std::ranges::equal(a.providers(), b.providers()) &&
         std::ranges::equal(a.unclaimed(), b.unclaimed()) && std::ranges::equal(a.kept(), b.kept());
}

}  // namespace qleet::hub
