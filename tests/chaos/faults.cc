#include "tests/chaos/faults.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

namespace qleet::chaos {
namespace {

using Kind = Fault::Kind;
using std::chrono::milliseconds;

constexpr long kStartFails = 2'000;

// False: nothing that a gate does.
bool set_weather(test::NatsGate& gate, Kind kind) {
  const test::Weather still{.still = true};
  const test::Weather slow{.delay = milliseconds(200)};
  const test::Weather lossy{.lose = 20, .twice = 20, .late = 30, .late_by = milliseconds(150)};
  switch (kind) {
    case Kind::kKill:
    case Kind::kPause:
    case Kind::kFull:
    case Kind::kClock:
      return false;
    case Kind::kCut:
      gate.close();
      return true;
    case Kind::kDeaf:
      gate.to_agent(still);
      return true;
    case Kind::kMute:
      gate.to_hub(still);
      return true;
    case Kind::kSlow:
      gate.to_agent(slow);
      gate.to_hub(slow);
      return true;
    case Kind::kLossy:
      gate.to_agent(lossy);
      gate.to_hub(lossy);
      return true;
  }
  return false;
}

}  // namespace

bool Faults::is(Fault::Kind kind, const std::string& target) const {
  return std::ranges::any_of(running_, [&](const Running& running) {
    return running.fault.kind == kind && running.fault.target == target;
  });
}

void Faults::begin(const Fault& fault, const StormClock& clock) {
  Running running{.fault = fault, .until = fault.at + fault.millis, .since = 0, .pid = 0};
  const bool kill = fault.kind == Fault::Kind::kKill;
  if (const auto gate = gates_.find(fault.target);
      gate != gates_.end() && set_weather(*gate->second, fault.kind)) {
  } else if (fault.kind == Kind::kFull) {
    disk_->fill();
  } else if (fault.kind == Kind::kClock) {
    fleet_.set_clock(fault.target, fault.seconds);
  } else if (fault.target == "nats") {
    running.pid = fleet_.nats_pid();
    if (running.pid > 0) ::kill(running.pid, kill ? SIGKILL : SIGSTOP);
  } else if (fault.target == "podman") {
    running.pid = fleet_.podman_service_pid(program_.options.agents.back());
    if (running.pid > 0) ::kill(running.pid, kill ? SIGKILL : SIGSTOP);
  } else if (fault.target == "hub") {
    kill ? fleet_.kill_hub() : fleet_.pause_hub();
  } else {
    kill ? fleet_.kill_agent(fault.target) : fleet_.signal_agent(fault.target, SIGSTOP);
  }
  running.since = clock.millis();
  running_.push_back(running);
}

void Faults::end(const Running& running, const StormClock& clock) {
  const bool kill = running.fault.kind == Fault::Kind::kKill;
  const std::string& target = running.fault.target;
  if (running.fault.silences() && target != "nats" && target != "podman")
    record_.silences.push_back({.of = target, .from = running.since, .to = clock.millis()});
  const auto gate = gates_.find(target);
  if (running.fault.kind == Kind::kFull) {
    disk_->make_room();
    freed_ = clock.millis();
  } else if (running.fault.kind == Kind::kClock) {
    fleet_.set_clock(target, 0);
  } else if (!kill && running.fault.kind != Fault::Kind::kPause) {
    gate->second->calm();
  } else if (target == "nats" || target == "podman") {
    // Its supervisor, the hub or the agent, starts it again where it was killed.
    if (!kill && running.pid > 0) ::kill(running.pid, SIGCONT);
  } else if (target == "hub") {
    kill ? fleet_.launch_hub() : fleet_.continue_hub();
  } else {
    kill ? fleet_.start_agent(target) : fleet_.signal_agent(target, SIGCONT);
  }
}

void Faults::run_until(long millis, const StormClock& clock) {
  while (true) {
    const auto next = std::ranges::min_element(running_, {}, &Running::until);
    if (next == running_.end() || next->until > millis) break;
    clock.wait_until(next->until);
    const Running over = *next;
    running_.erase(next);
    end(over, clock);
  }
  clock.wait_until(millis);
  look(clock);
}

void Faults::end_all(const StormClock& clock) {
  while (!running_.empty()) run_until(std::ranges::min_element(running_, {}, &Running::until)->until, clock);
}

void Faults::look(const StormClock& clock) {
  if (!is(Fault::Kind::kKill, "hub") && !fleet_.hub_runs()) {
    // Without room for what it must write down it does not start, and whoever supervises it tries again.
    const bool full = is(Fault::Kind::kFull, "disk") || (freed_ > 0 && clock.millis() < freed_ + kStartFails);
    if (!full) violations_.push_back("the hub ended by itself");
    fleet_.launch_hub();
  }
  for (const auto& agent : fleet_.agents()) {
    if (is(Fault::Kind::kKill, agent) || fleet_.agent_runs(agent)) continue;
    violations_.push_back(fmt::format("agent {} ended by itself", agent));
    fleet_.start_agent(agent);
  }
}

}  // namespace qleet::chaos
