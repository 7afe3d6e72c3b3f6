// Does to the fleet what a program says, and undoes it in time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/actors.h"
#include "tests/chaos/program.h"
#include "tests/support/mini_fleet.h"
#include "tests/support/nats_gate.h"
#include "tests/support/small_disk.h"

namespace qleet::chaos {

// One before each agent.
using Gates = std::map<std::string, std::unique_ptr<test::NatsGate>>;

// To be used from the thread that made the fleet.
class Faults {
 public:
  // What ends without having been killed is noted as a violation.
  Faults(test::MiniFleet& fleet, const test::SmallDisk* disk, const Program& program, Gates& gates,
         Record& record, std::vector<std::string>& violations)
      : fleet_(fleet),
        disk_(disk),
        program_(program),
        gates_(gates),
        record_(record),
        violations_(violations) {}

  // Ends the faults that are over, until then.
  void run_until(long millis, const StormClock& clock);
  void begin(const Fault& fault, const StormClock& clock);
  void end_all(const StormClock& clock);
  // Whether all that should run does.
  void look(const StormClock& clock);

 private:
  struct Running {
    Fault fault;
    long until = 0;
    long since = 0;
    pid_t pid = 0;  // of what was paused
  };
  void end(const Running& running, const StormClock& clock);
  bool is(Fault::Kind kind, const std::string& target) const;

  test::MiniFleet& fleet_;
  const test::SmallDisk* disk_;  // the hub's; null: it has none of its own
  const Program& program_;
  Gates& gates_;
  Record& record_;
  std::vector<std::string>& violations_;
  std::vector<Running> running_;
  long freed_ = 0;  // when the disk had room again
};

}  // namespace qleet::chaos
