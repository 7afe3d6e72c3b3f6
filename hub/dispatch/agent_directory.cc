#include "hub/dispatch/agent_directory.h"

#include "google/protobuf/util/time_util.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub {
namespace {

constexpr std::string_view kAgents = "o/agents/";
constexpr size_t kKeyMark = 16;

Result<EnrolledAgent> parse(std::string_view key, const std::string& value) {
  v1::Agent agent;
  if (!agent.ParseFromString(value))
    return fail(Code::kInternal, std::string(key) + ": stored bytes are not an Agent");
  return EnrolledAgent{
      std::string(keys::last(key)),
      agent.spec().region(),
      agent.spec().revoked(),
      google::protobuf::util::TimeUtil::TimestampToMilliseconds(agent.metadata().creation_timestamp()),
      agent.spec().public_key().substr(0, kKeyMark),
      agent.spec().box_key()};
}

}  // namespace

Result<> AgentDirectory::rebuild(const Reader& reader) {
  std::vector<EnrolledAgent> agents;
  for (const auto& entry : TRY(reader.scan({std::string(kAgents), "", SIZE_MAX}))) {
    // One that cannot be read counts as not enrolled; the others are served.
    if (auto agent = parse(entry.key, entry.value))
      agents.push_back(*std::move(agent));
    else
      objects::log_left_out(entry, agent.error());
  }
  const MutexLock lock(mutex_);
  agents_.clear();
  by_region_.clear();
  for (auto& agent : agents) put_locked(std::move(agent));
  ++changes_;
  return {};
}

Result<> AgentDirectory::apply(const Change& change) {
  if (!change.key.starts_with(kAgents)) return {};
  auto agent = TRY(parse(change.key, change.value));
  const MutexLock lock(mutex_);
  erase_locked(agent.name);
  if (!change.erased) put_locked(std::move(agent));
  ++changes_;
  return {};
}

std::optional<EnrolledAgent> AgentDirectory::find(std::string_view agent) const {
  const MutexLock lock(mutex_);
  const auto it = agents_.find(agent);
  if (it == agents_.end()) return std::nullopt;
  return it->second;
}

std::optional<std::string> AgentDirectory::serving(std::string_view region) const {
  const MutexLock lock(mutex_);
  const EnrolledAgent* agent = serving_locked(region);
  if (!agent) return std::nullopt;
  return agent->name;
}

std::optional<AgentDirectory::Refusal> AgentDirectory::refusal(std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto it = agents_.find(name);
  if (it == agents_.end())
    return Refusal{"unknown", "no agent " + std::string(name) + " is enrolled with this hub: enrol it again"};
  if (it->second.revoked) return Refusal{"revoked", "agent " + std::string(name) + " was revoked"};
  const EnrolledAgent* serving = serving_locked(it->second.region);
  if (serving && serving->name != name)
    return Refusal{"not-serving", "region " + it->second.region + " is served by agent " + serving->name +
                                      ", which was enrolled later"};
  return std::nullopt;
}

std::vector<EnrolledAgent> AgentDirectory::all() const {
  const MutexLock lock(mutex_);
  std::vector<EnrolledAgent> out;
  out.reserve(agents_.size());
  for (const auto& [name, agent] : agents_) out.push_back(agent);
  return out;
}

void AgentDirectory::put_locked(EnrolledAgent agent) {
  by_region_[agent.region].insert(agent.name);
  const std::string name = agent.name;
  agents_.insert_or_assign(name, std::move(agent));
}

void AgentDirectory::erase_locked(std::string_view name) {
  const auto it = agents_.find(name);
  if (it == agents_.end()) return;
  const auto region = by_region_.find(it->second.region);
  region->second.erase(it->second.name);
  if (region->second.empty()) by_region_.erase(region);
  agents_.erase(it);
}

const EnrolledAgent* AgentDirectory::serving_locked(std::string_view region) const {
  const auto it = by_region_.find(region);
  if (it == by_region_.end()) return nullptr;
  const EnrolledAgent* best = nullptr;
  for (const auto& name : it->second) {
    const EnrolledAgent& agent = agents_.find(name)->second;
    if (agent.revoked) continue;
    if (!best || std::pair(agent.created_ms, agent.name) > std::pair(best->created_ms, best->name))
      best = &agent;
  }
  return best;
}

}  // namespace qleet::hub
