#include "hub/fleet/intake.h"

namespace qleet::hub {

bool Intake::put_report(const std::string& agent, std::string data) {
  const MutexLock lock(mutex_);
  Waiting& waiting = waiting_[agent];
  waiting.left = false;
  const bool fits =
      waiting.reports.size() < limits_.reports && waiting.report_bytes + data.size() <= limits_.report_bytes;
  if (!waiting.reports.empty() && !fits) {
    ++dropped_;
    return false;
  }
  waiting.report_bytes += data.size();
  waiting.reports.push_back(std::move(data));
  return true;
}

void Intake::put_heartbeat(const std::string& agent, std::string data) {
  const MutexLock lock(mutex_);
  Waiting& waiting = waiting_[agent];
  waiting.left = false;
  waiting.heartbeat = std::move(data);
}

void Intake::put_left(const std::string& agent) {
  const MutexLock lock(mutex_);
  waiting_[agent].left = true;
}

Intake::Taken Intake::take() {
  std::map<std::string, Waiting> waiting;
  {
    const MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  Taken out;
  for (auto& [agent, of] : waiting) {
    if (of.left) out.left.push_back(agent);
    if (of.heartbeat) out.heartbeats.emplace_back(agent, std::move(*of.heartbeat));
  }
  for (bool more = true; more;) {
    more = false;
    for (auto& [agent, of] : waiting) {
      if (of.reports.empty()) continue;
      out.reports.emplace_back(agent, std::move(of.reports.front()));
      of.reports.pop_front();
      more = true;
    }
  }
  return out;
}

std::uint64_t Intake::dropped() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace qleet::hub
