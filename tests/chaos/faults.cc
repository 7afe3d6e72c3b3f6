#include "tests/chaos/faults.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

namespace qleet::chaos {

bool Faults::is(Fault::Kind kind, const std::string& target) const {
  return std::ranges::any_of(running_, [&](const Running& running) {
    return running.fault.kind == kind && running.fault.target == target;
  });
}

void Faults::begin(const Fault& fault, const StormClock&) {
  Running running{.fault = fault, .until = fault.at + fault.millis, .pid = 0};
  const bool kill = fault.kind == Fault::Kind::kKill;
  if (fault.target == "nats") {
    running.pid = fleet_.nats_pid();
    if (running.pid > 0) ::kill(running.pid, kill ? SIGKILL : SIGSTOP);
  } else if (fault.target == "hub") {
    kill ? fleet_.kill_hub() : fleet_.pause_hub();
  } else {
    kill ? fleet_.kill_agent(fault.target) : fleet_.signal_agent(fault.target, SIGSTOP);
  }
  running_.push_back(running);
}

void Faults::end(const Running& running) {
  const bool kill = running.fault.kind == Fault::Kind::kKill;
  const std::string& target = running.fault.target;
  if (target == "nats") {
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
    end(over);
  }
  clock.wait_until(millis);
  look();
}

void Faults::end_all(const StormClock& clock) {
  while (!running_.empty()) run_until(std::ranges::min_element(running_, {}, &Running::until)->until, clock);
}

void Faults::look() {
  if (!is(Fault::Kind::kKill, "hub") && !fleet_.hub_runs()) {
    violations_.push_back("the hub ended by itself");
    fleet_.launch_hub();
  }
  for (const auto& agent : fleet_.agents()) {
    if (is(Fault::Kind::kKill, agent) || fleet_.agent_runs(agent)) continue;
    violations_.push_back(fmt::format("agent {} ended by itself", agent));
    fleet_.start_agent(agent);
  }
}

}  // namespace qleet::chaos
