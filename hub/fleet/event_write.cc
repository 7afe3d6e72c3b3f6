#include "hub/fleet/event_write.h"

#include <algorithm>
#include <vector>

#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub {
namespace {

constexpr std::string_view kResources = "resources";
constexpr std::string_view kAgents = "agents";

// Makes room for one more.
Result<> drop_oldest(Txn& txn, std::string_view plural, const std::string& regarding) {
  const auto kept = TRY(txn.scan({keys::event_of(plural, regarding, ""), "", SIZE_MAX}));
  if (kept.size() < kEventsPerResource) return {};
  std::vector<std::pair<Revision, std::string>> by_age;
  for (const auto& entry : kept) by_age.emplace_back(entry.revision, keys::last(entry.key));
  std::ranges::sort(by_age);
  for (size_t i = 0; i + kEventsPerResource <= by_age.size(); ++i) {
    txn.erase(keys::object("events", by_age[i].second));
    txn.erase(keys::event_of(plural, regarding, by_age[i].second));
  }
  return {};
}

}  // namespace

Result<bool> write_event(Txn& txn, const std::string& agent, const wire::v1::EventReport& report,
                         WallTime now, const Random& random) {
  const std::string name = agent + "." + report.id();
  if (TRY(txn.get(keys::object("events", name)))) return false;
  v1::Event event;
  event.mutable_metadata()->set_name(name);
  auto& spec = *event.mutable_spec();
  // What is said of something that is not there is kept as the agent's own: whatever it says, only so much is
  // kept.
  const bool of_resource =
      !report.resource().empty() && TRY(txn.get(keys::object(kResources, report.resource()))).has_value();
  spec.set_regarding_kind(of_resource ? "Resource" : "Agent");
  spec.set_regarding_name(of_resource ? report.resource() : agent);
  spec.set_type(report.type());
  spec.set_reason(report.reason());
  // Of one that is gone its name is left: in the message.
  spec.set_message(of_resource || report.resource().empty() ? report.message()
                                                            : report.resource() + ": " + report.message());
  spec.set_count(1);
  const auto time = report.has_time() ? report.time() : objects::timestamp(now);
  *spec.mutable_first_seen() = time;
  *spec.mutable_last_seen() = time;
  spec.set_source("agent/" + agent);
  const std::string_view plural = of_resource ? kResources : kAgents;
  TRY(drop_oldest(txn, plural, spec.regarding_name()));
  txn.put(keys::event_of(plural, spec.regarding_name(), name), "");
  TRY(objects::put(txn, event, {now, random}));
  return true;
}

}  // namespace qleet::hub
