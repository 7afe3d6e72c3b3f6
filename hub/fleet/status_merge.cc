#include "hub/fleet/status_merge.h"

#include <utility>

#include "common/model/reasons.h"
#include "google/protobuf/util/time_util.h"

namespace qleet::hub {

Merge judge(const Judged* resource, const wire::v1::ResourceReport& report, const Reporter& reporter) {
  if (!resource) return Merge::kUnknown;
  if (resource->region != reporter.region) return Merge::kForeign;
  const auto generation = resource->generation;
  if (report.generation() > generation) return Merge::kAhead;
  if (report.gone())
    return resource->deleted && report.generation() == generation ? Merge::kErase : Merge::kRevived;
  // A report that was stored under another epoch says nothing about this one's order; nor does one of an
  // agent that was revoked since: it may have claimed a version that no other ever reaches.
  const auto& status = resource->status;
  const bool comparable = status.epoch() == reporter.epoch &&
                          (status.reporter().empty() || status.reporter() == reporter.key_mark);
  // Generation first: what was made anew after it was gone is counted anew, from a clock that may have gone
  // back.
  if (comparable && std::pair(report.generation(), report.version()) <=
                        std::pair(status.observed_generation(), status.report_version()))
    return Merge::kOld;
  return Merge::kWrite;
}

void write_status(v1::ResourceStatus& status, const wire::v1::ResourceReport& report,
                  const ReportOrigin& origin) {
  status.set_state(report.state());
  status.set_observed_generation(report.generation());
  status.set_observed_hash(report.hash());
  status.set_boot_id(origin.boot_id);
  status.set_epoch(origin.epoch);
  status.set_reporter(origin.reporter);
  *status.mutable_received_at() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(
      origin.received_at.time_since_epoch().count());
  *status.mutable_conditions() = report.conditions();
  *status.mutable_outputs() = report.outputs();
  *status.mutable_secret_outputs() = report.secret_outputs();
  *status.mutable_images() = report.images();
  status.set_updated(report.updated());
  status.set_ready(report.ready());
  status.set_replicas(report.replicas());
  status.set_restarts(report.restarts());
  status.set_attempts(report.attempts());
  if (report.has_next_attempt()) {
    *status.mutable_next_attempt() = report.next_attempt();
  } else {
    status.clear_next_attempt();
  }
  status.set_report_version(report.version());
}

void explain_old_agent(v1::ResourceStatus& status, std::string_view type) {
  if (type != "secret") return;
  for (auto& condition : *status.mutable_conditions()) {
    if (condition.reason() != reasons::kProviderMissing || !condition.message().contains("\"secret\""))
      continue;
    condition.set_message(
        "this region's agent is too old to be given secrets: upgrade it to version " QLEET_VERSION
        " or later, and the values follow by themselves");
  }
}

}  // namespace qleet::hub
