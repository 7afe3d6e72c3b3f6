#include "hub/fleet/misconduct.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace qleet::hub {
namespace {

constexpr Millis kTellEvery{60'000};
constexpr Millis kForgetAfter{3'600'000};

}  // namespace

void Misconduct::count(const std::string& agent, What what, std::uint64_t by) {
  Record& record = agents_[agent];
  switch (what) {
    case What::kOverAllowance:
      record.over += by;
      break;
    case What::kUnreadable:
      record.unreadable += by;
      break;
    case What::kPartsRefused:
      record.parts += by;
      break;
  }
}

std::vector<Misconduct::Remark> Misconduct::remarks(MonoTime now) const {
  std::vector<Remark> out;
  for (const auto& [agent, record] : agents_) {
    if (record.over + record.unreadable + record.parts == 0) continue;
    if (record.told && now - record.told_at < kTellEvery) continue;
    std::vector<std::string> parts;
    if (record.over > 0)
      parts.push_back(fmt::format("{} reports were more than its region needs", record.over));
    if (record.unreadable > 0) parts.push_back(fmt::format("{} messages are none", record.unreadable));
    if (record.parts > 0)
      parts.push_back(
          fmt::format("{} parts of reports are of another region, too big or malformed", record.parts));
    out.push_back({agent, fmt::format("dropped: {}; if this is no fault of its version, revoke it",
                                      fmt::join(parts, ", "))});
  }
  return out;
}

void Misconduct::told(const std::vector<Remark>& remarks, MonoTime now) {
  for (const auto& remark : remarks) {
    const auto it = agents_.find(remark.agent);
    if (it == agents_.end()) continue;
    Record& record = it->second;
    record.over = record.unreadable = record.parts = 0;
    record.told = true;
    record.told_at = now;
  }
}

std::optional<Millis> Misconduct::suspend(const std::string& agent, Millis first, Millis longest,
                                          MonoTime now) {
  Record& record = agents_[agent];
  if (record.suspended) return std::nullopt;
  if (record.times > 0 && now - record.suspended_until > kForgetAfter) record.times = 0;
  Millis wait = first;
  for (unsigned i = 0; i < record.times && wait < longest; ++i) wait *= 2;
  wait = std::min(wait, longest);
  ++record.times;
  record.suspended = true;
  record.suspended_until = now + wait;
  return wait;
}

std::optional<MonoTime> Misconduct::suspended(const std::string& agent) const {
  const auto it = agents_.find(agent);
  if (it == agents_.end() || !it->second.suspended) return std::nullopt;
  return it->second.suspended_until;
}

std::vector<std::string> Misconduct::released(MonoTime now) {
  std::vector<std::string> out;
  for (auto& [agent, record] : agents_) {
    if (!record.suspended || now < record.suspended_until) continue;
    record.suspended = false;
    out.push_back(agent);
  }
  return out;
}

}  // namespace qleet::hub
