#include "agent/link/report_sender.h"

#include <algorithm>

#include "agent/link/states.h"
#include "common/log/log.h"
#include "common/sync/limits.h"

namespace qleet::agent {
namespace {

constexpr log::Logger kLog{"reports"};

bool under_way(const wire::v1::ResourceReport& report) {
  const std::string& state = report.state();
  return !report.gone() &&
         (state == states::kPending || state == states::kProgressing || state == states::kDeleting);
}

// One report must fit into a message: what is least missed goes.
void shrink(wire::v1::ResourceReport& report) {
  if (report.ByteSizeLong() <= sync::kFillBytes) return;
  kLog.warn("report is too big, its outputs are left out", {{"resource", report.name()}});
  report.clear_outputs();
  for (auto& condition : *report.mutable_conditions())
    if (condition.message().size() > 1024) condition.set_message("(too long to be shown)");
  if (report.ByteSizeLong() > sync::kFillBytes) report.clear_conditions();
}

}  // namespace

ReportSender::ReportSender(ReportOptions options, Publish publish, qleet::Random& random, Reports& reports)
    : options_(std::move(options)),
      publish_(std::move(publish)),
      reports_(reports),
      backoff_(options_.resend, random),
      resend_after_(options_.resend.first) {}

void ReportSender::restart(MonoTime now) {
  bundles_.clear();
  backoff_.reset();
  resend_after_ = options_.resend.first;
  not_before_ = now;
  wanted_at_ = now;
  events_waiting_ = true;
  for (auto& name : reports_.unconfirmed()) waiting_.insert(std::move(name));
}

void ReportSender::changed(const std::string& name, MonoTime now) {
  if (name.empty()) {
    events_waiting_ = true;
    want_send(now);
    return;
  }
  waiting_.insert(name);
  const auto report = reports_.report(name);
  want_send(report && under_way(*report) ? now + options_.linger : now);
}

std::vector<std::pair<std::string, std::uint32_t>> ReportSender::removals(std::uint64_t sequence) const {
  std::vector<std::pair<std::string, std::uint32_t>> out;
  const auto it = bundles_.find(sequence);
  if (it == bundles_.end()) return out;
  for (const auto& sent : it->second.reports) {
    if (!sent.gone) continue;
    // Unless it has been stated again meanwhile.
    const auto now = reports_.report(sent.version.name);
    if (now && now->version() == sent.version.version) out.emplace_back(sent.version.name, sent.generation);
  }
  return out;
}

void ReportSender::confirm(std::uint64_t sequence, MonoTime now) {
  const auto it = bundles_.find(sequence);
  if (it == bundles_.end()) return;
  Bundle bundle = std::move(it->second);
  bundles_.erase(it);
  backoff_.reset();
  resend_after_ = options_.resend.first;
  std::vector<ReportVersion> versions;
  versions.reserve(bundle.reports.size());
  for (auto& sent : bundle.reports) versions.push_back(std::move(sent.version));
  auto done = versions.empty() ? Result<>{} : reports_.confirm(versions);
  if (done && !bundle.events.empty()) done = reports_.confirm_events(bundle.events);
  if (!bundle.events.empty()) {  // there may be more than one bundle of them
    events_waiting_ = true;
    want_send(now);
  }
  if (done) return;
  kLog.error("confirmation cannot be stored", {{"error", done.error().message}});
  for (const auto& version : versions) waiting_.insert(version.name);
  not_before_ = now + options_.resend.first;
  want_send(not_before_);
}

MonoTime ReportSender::step(const Terms& terms, MonoTime now) {
  resend_late(now);
  while (now >= std::max(wanted_at_, may_send_at())) {
    const bool sent = send(terms, now);
    const bool more = !waiting_.empty() || (events_waiting_ && !events_in_flight());
    if (!sent || !more) wanted_at_ = MonoTime::max();
  }
  MonoTime due = std::max(wanted_at_, may_send_at());
  for (const auto& [sequence, bundle] : bundles_) due = std::min(due, bundle.resend_at);
  return due;
}

// The confirmation sets the pace: while nothing is under way news go at once, and the busier the hub is, the
// more goes together.
MonoTime ReportSender::may_send_at() const {
  if (bundles_.size() >= options_.window) return MonoTime::max();
  return bundles_.empty() ? not_before_ : std::max(not_before_, last_send_ + options_.coalesce);
}

void ReportSender::resend_late(MonoTime now) {
  bool late = false;
  std::erase_if(bundles_, [&](const auto& item) {
    if (now < item.second.resend_at) return false;
    requeue(item.second);
    late = true;
    return true;
  });
  if (!late) return;
  resend_after_ = backoff_.next();
  want_send(now);
}

void ReportSender::requeue(const Bundle& bundle) {
  for (const auto& sent : bundle.reports) waiting_.insert(sent.version.name);
  if (!bundle.events.empty()) events_waiting_ = true;
}

bool ReportSender::events_in_flight() const {
  return std::ranges::any_of(bundles_, [](const auto& item) { return !item.second.events.empty(); });
}

bool ReportSender::send(const Terms& terms, MonoTime now) {
  wire::v1::StatusReport message;
  Bundle bundle;
  size_t bytes = 0;
  while (!waiting_.empty()) {
    const std::string name = *waiting_.begin();
    auto report = reports_.report(name);
    if (report) {
      shrink(*report);
      const size_t size = report->ByteSizeLong() + 8;
      if (bytes > 0 && bytes + size > sync::kFillBytes) break;
      bytes += size;
      bundle.reports.push_back({{name, report->version()}, report->generation(), report->gone()});
      *message.add_resources() = *std::move(report);
    }
    waiting_.erase(name);
  }
  if (events_waiting_ && !events_in_flight()) {
    events_waiting_ = false;
    for (auto& event : reports_.events(options_.events_at_once)) {
      bytes += event.ByteSizeLong() + 8;
      if (bytes > sync::kFillBytes && message.ByteSizeLong() > 0) {
        events_waiting_ = true;
        break;
      }
      bundle.events.push_back(event.id());
      *message.add_events() = std::move(event);
    }
  }
  if (bundle.reports.empty() && bundle.events.empty()) return false;
  const std::uint64_t sequence = ++last_sequence_;
  message.set_protocol(terms.protocol);
  message.set_boot_id(options_.boot_id);
  message.set_epoch(terms.epoch);
  message.set_sequence(sequence);
  last_send_ = now;
  // Whether it was sent does not matter: what is not confirmed is sent again.
  (void)publish_(message);
  bundle.resend_at = now + resend_after_;
  bundles_.emplace(sequence, std::move(bundle));
  return true;
}

}  // namespace qleet::agent
