// A place where an agent runs: what survives its process (journal, clock) and the process itself, on the
// history's one thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/assembly/agent.h"
#include "common/bus/memory_bus.h"
#include "tests/simulation/cloud.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_journal.h"
#include "tests/simulation/skewed_clock.h"

namespace qleet::sim {

struct MachineOptions {
  std::string agent;
  std::string region;
  std::string enrolled_epoch;
  Millis heartbeat = sync::kHeartbeatEvery;
};

class Machine {
 public:
  // All must outlive it. `duration` says how long provider steps take.
  Machine(MachineOptions options, const Clock& clock, MemoryBroker& broker, Cloud& cloud,
          std::function<Millis()> duration);
  ~Machine();

  // False: the journal did not let it start, or it ended while it started.
  bool start(std::uint64_t seed);
  // Ends the process where it stands. `happens` says of each step on its way whether it still reaches the
  // world.
  void crash(const std::function<bool()>& happens);
  bool runs() const { return agent_ != nullptr; }
  // One piece of work; false: nothing is to be done now. Throws AgentCrash.
  bool step();
  MonoTime next_due() const;
  bool idle() const;

  const std::string& name() const { return options_.agent; }
  const std::string& region() const { return options_.region; }
  const std::string& enrolled_epoch() const { return options_.enrolled_epoch; }
  const agent::Agent& agent() const { return *agent_; }

  // Somebody has ended it for good: nobody starts it again.
  bool ended = false;

  SkewedClock clock;
  SimJournal journal;

 private:
  const MachineOptions options_;
  MemoryBroker& broker_;
  Cloud& cloud_;
  SimExecutor executor_;
  std::unique_ptr<Dice> jitter_;
  std::unique_ptr<Bytes> secrets_;
  std::unique_ptr<MemoryBus> bus_;
  std::unique_ptr<agent::Agent> agent_;
  bool awake_ = false;
  MonoTime due_{};
};

}  // namespace qleet::sim
