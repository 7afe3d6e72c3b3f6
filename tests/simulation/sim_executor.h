// Where an agent's provider steps run: each ends after a time of its own, in an order that follows from those
// times.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "agent/engine/executor.h"
#include "common/clock/clock.h"
#include "tests/simulation/crash.h"

namespace qleet::sim {

// One thread.
class SimExecutor final : public agent::Executor {
 public:
  // `duration` is asked how long the next step takes.
  SimExecutor(const Clock& clock, std::function<Millis()> duration)
      : clock_(clock), duration_(std::move(duration)) {}

  void run(std::function<void()> work) override {
    works_.emplace(std::pair(clock_.mono() + duration_(), ++last_), std::move(work));
  }
  std::optional<MonoTime> next_due() const {
    if (works_.empty()) return std::nullopt;
    return works_.begin()->first.first;
  }
  // The next one that is due; false: none is.
  bool step() {
    if (works_.empty() || works_.begin()->first.first > clock_.mono()) return false;
    auto work = std::move(works_.begin()->second);
    works_.erase(works_.begin());
    work();
    return true;
  }
  // The process has ended: of what was handed over, `happens` says what still reaches the world, unheard.
  void end(const std::function<bool()>& happens) {
    auto works = std::exchange(works_, {});
    for (auto& [when, work] : works) {
      if (!happens()) continue;
      try {
        work();
      } catch (const AgentCrash&) {  // it has ended already
      }
    }
  }

 private:
  const Clock& clock_;
  const std::function<Millis()> duration_;
  std::map<std::pair<MonoTime, std::uint64_t>, std::function<void()>> works_;
  std::uint64_t last_ = 0;
};

}  // namespace qleet::sim
