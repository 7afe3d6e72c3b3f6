#include "agent/engine/report_board.h"

#include <algorithm>
#include <utility>

namespace qleet::agent {

void ReportBoard::publish(const wire::v1::ResourceReport& report, std::uint64_t acked_version) {
  bool open = false;
  {
    const MutexLock lock(mutex_);
    Posted& posted = posted_[report.name()];
    posted.report = report;
    posted.acked = std::max(posted.acked, acked_version);
    open = report.version() > posted.acked;
    if (open)
      unconfirmed_.insert(report.name());
    else
      unconfirmed_.erase(report.name());
  }
  if (open) tell(report.name());
}

void ReportBoard::publish_event(std::uint64_t sequence, const wire::v1::EventReport& event) {
  {
    const MutexLock lock(mutex_);
    events_[sequence] = event;
    event_ids_[event.id()] = sequence;
  }
  tell("");
}

void ReportBoard::drop_event(std::uint64_t sequence) {
  const MutexLock lock(mutex_);
  const auto known = events_.find(sequence);
  if (known == events_.end()) return;
  event_ids_.erase(known->second.id());
  events_.erase(known);
}

void ReportBoard::erase(const std::string& name) {
  const MutexLock lock(mutex_);
  posted_.erase(name);
  unconfirmed_.erase(name);
  confirmed_.versions.erase(name);
}

ReportBoard::Confirmed ReportBoard::take_confirmed() {
  const MutexLock lock(mutex_);
  return std::exchange(confirmed_, {});
}

ReportCounts ReportBoard::counts() const {
  const MutexLock lock(mutex_);
  ReportCounts counts{.unconfirmed = unconfirmed_.size()};
  for (const auto& [_, posted] : posted_) {
    if (posted.report.gone()) continue;
    ++counts.by_state[posted.report.state()];
    counts.restarts += posted.report.restarts();
  }
  return counts;
}

void ReportBoard::on_change(std::function<void(const std::string&)> changed) {
  const MutexLock lock(listener_mutex_);
  changed_ = std::move(changed);
}

void ReportBoard::tell(const std::string& name) {
  const MutexLock lock(listener_mutex_);
  if (changed_) changed_(name);
}

std::vector<std::string> ReportBoard::unconfirmed() {
  const MutexLock lock(mutex_);
  return {unconfirmed_.begin(), unconfirmed_.end()};
}

std::optional<wire::v1::ResourceReport> ReportBoard::report(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto known = posted_.find(name);
  if (known == posted_.end()) return std::nullopt;
  return known->second.report;
}

Result<> ReportBoard::confirm(const std::vector<ReportVersion>& versions) {
  {
    const MutexLock lock(mutex_);
    for (const auto& [name, version] : versions) {
      const auto known = posted_.find(name);
      if (known == posted_.end() || version <= known->second.acked) continue;
      known->second.acked = version;
      confirmed_.versions[name] = version;
      if (known->second.report.version() <= version) unconfirmed_.erase(name);
    }
  }
  notify_engine_();
  return {};
}

Result<> ReportBoard::unconfirm_all() {
  {
    const MutexLock lock(mutex_);
    for (auto& [name, posted] : posted_) {
      posted.acked = 0;
      unconfirmed_.insert(name);
      confirmed_.versions[name] = 0;
    }
  }
  notify_engine_();
  tell("");
  return {};
}

std::vector<wire::v1::EventReport> ReportBoard::events(size_t limit) {
  const MutexLock lock(mutex_);
  std::vector<wire::v1::EventReport> oldest;
  for (const auto& [sequence, event] : events_) {
    if (oldest.size() >= limit) break;
    oldest.push_back(event);
  }
  return oldest;
}

Result<> ReportBoard::confirm_events(const std::vector<std::string>& ids) {
  {
    const MutexLock lock(mutex_);
    for (const auto& id : ids) {
      const auto known = event_ids_.find(id);
      if (known == event_ids_.end()) continue;
      confirmed_.events.insert(known->second);
      events_.erase(known->second);
      event_ids_.erase(known);
    }
  }
  notify_engine_();
  return {};
}

}  // namespace qleet::agent
