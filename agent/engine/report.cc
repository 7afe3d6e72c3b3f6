#include "agent/engine/report.h"

#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

using google::protobuf::util::MessageDifferencer;
using google::protobuf::util::TimeUtil;

// Shorter ones would hit innocent text.
constexpr size_t kShortestRedacted = 6;

google::protobuf::Timestamp timestamp(WallTime time) {
  return TimeUtil::MillisecondsToTimestamp(time.time_since_epoch().count());
}

void show_condition(wire::v1::ResourceReport& report, const wire::v1::ResourceReport& before,
                    const Decision& d, WallTime now) {
  auto& condition = *report.add_conditions();
  condition.set_type(std::string(reasons::kReady));
  condition.set_status(std::string(d.status));
  condition.set_reason(d.reason);
  condition.set_message(d.message);
  condition.set_observed_generation(report.generation());
  *condition.mutable_last_transition_time() = timestamp(now);
  for (const auto& old : before.conditions())
    if (old.type() == condition.type() && old.status() == condition.status())
      *condition.mutable_last_transition_time() = old.last_transition_time();
}

// What it is busy with, and since when: a new step is a new condition. How long it takes is for the reader to
// work out, so that nothing is sent while nothing changes.
void show_step(wire::v1::ResourceReport& report, const wire::v1::ResourceReport& before, const Decision& d,
               WallTime now) {
  if (d.state != states::kProgressing || d.message.empty()) return;
  auto& condition = *report.add_conditions();
  condition.set_type(std::string(reasons::kProgressing));
  condition.set_status("True");
  condition.set_reason(d.reason);
  condition.set_message(d.message);
  condition.set_observed_generation(report.generation());
  *condition.mutable_last_transition_time() = timestamp(now);
  for (const auto& old : before.conditions())
    if (old.type() == condition.type() && old.message() == condition.message() &&
        old.observed_generation() == condition.observed_generation())
      *condition.mutable_last_transition_time() = old.last_transition_time();
}

// What was counted last stands until somebody looks again.
void show_counts(wire::v1::ResourceReport& report, const wire::v1::ResourceReport& before, const Node& node) {
  if (node.gone()) return;
  if (!node.seen) {
    report.set_ready(before.ready());
    report.set_replicas(before.replicas());
    report.set_restarts(before.restarts());
  } else if (node.seen->counts) {
    report.set_ready(node.seen->counts->ready);
    report.set_replicas(node.seen->counts->replicas);
    report.set_restarts(node.seen->counts->restarts);
  }
}

// A quiet decision about something that nothing was said of yet.
Decision beginning(const Node& node) {
  Decision d;
  d.state = node.tombstone() ? states::kDeleting : states::kProgressing;
  d.reason = std::string(node.tombstone()                      ? reasons::kDeleting
                         : node.runtime.applied_hash().empty() ? reasons::kCreating
                                                               : reasons::kUpdating);
  return d;
}

void show_outputs(wire::v1::ResourceReport& report, const Node& node) {
  std::vector<std::string> secret;
  for (const auto& [name, output] : node.runtime.secrets().outputs()) {
    if (output.secret())
      secret.push_back(name);
    else
      (*report.mutable_outputs())[name] = text_of(output.value());
  }
  std::ranges::sort(secret);
  for (auto& name : secret) report.add_secret_outputs(std::move(name));
}

}  // namespace

bool update_report(Node& node, const Decision& decision, WallTime now, std::uint64_t newest) {
  const wire::v1::ResourceReport& before = node.runtime.report();
  const bool same_subject = before.version() != 0 && before.generation() == node.spec().generation() &&
                            before.hash() == node.spec().hash();
  wire::v1::ResourceReport report;
  report.set_name(node.name);
  report.set_generation(node.spec().generation());
  report.set_hash(node.spec().hash());
  report.set_version(before.version());
  report.set_gone(node.gone());
  if (decision.state.empty() && same_subject && !node.gone()) {
    report.set_state(before.state());
    *report.mutable_conditions() = before.conditions();
  } else {
    const Decision shown = decision.state.empty() ? beginning(node) : decision;
    report.set_state(std::string(shown.state));
    show_condition(report, before, shown, now);
    show_step(report, before, shown, now);
  }
  show_outputs(report, node);
  show_counts(report, before, node);
  // What was found of one generation is found: the next look may come too early to find it again.
  if (same_subject) *report.mutable_images() = before.images();
  if (node.seen)
    for (const auto& [container, image] : node.seen->images) (*report.mutable_images())[container] = image;
  // What was counted last stands until somebody looks again.
  if (!node.gone()) report.set_updated(same_subject && !node.seen ? before.updated() : 0);
  if (node.seen && node.seen->updated) report.set_updated(*node.seen->updated);
  report.set_attempts(node.retry.tries);
  if (node.retry.error && !node.retry.terminal && node.retry.next_attempt > now)
    *report.mutable_next_attempt() = timestamp(node.retry.next_attempt);
  if (before.version() != 0 && MessageDifferencer::Equals(report, before)) return false;
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0));
  const auto last = before.version() != 0 ? before.version() : newest;
  report.set_version(std::max(last + 1, ms));
  *node.runtime.mutable_report() = std::move(report);
  return true;
}

std::string redact(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.size() < kShortestRedacted) continue;
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  }
  return text;
}

const std::string& shown_state(const Node& node) { return node.runtime.report().state(); }

}  // namespace qleet::agent
