// Which process of each agent is listened to. An agent is one process with one state; a restart gives it
// another boot id. Two that speak in turns are two copies of one state (a machine that was cloned, a folder
// that was copied): the one that began last (by the number in its boot id, and where that is the same, by who
// was heard first) serves, the other is told to do nothing (docs/protocol.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::hub {

struct BootLimits {
  // What a process that has ended sent may still come for so long: no sign of a second one.
  Millis stragglers{5'000};
  // Unheard for so long, the one that serves is gone, and the other may go on. More than three heartbeats.
  Millis gone{60'000};
  // Unheard for so long, the other one is gone, too.
  Millis forget{180'000};
};

// Thread-safe.
class BootWatch {
 public:
  explicit BootWatch(BootLimits limits = {}) : limits_(limits) {}

  // A message of this process came. `asks`: it has been told that it does not serve, and asks whether that is
  // still so. False: another process of the agent serves; nothing that this one says counts.
  bool heard(const std::string& agent, const std::string& boot, bool asks, MonoTime now);
  // After a start: the process that served.
  void restore(const std::string& agent, const std::string& boot, MonoTime now);
  void forget(const std::string& agent);

  // Two processes of one agent, both alive.
  struct Copies {
    std::string serving;
    std::string other;
    bool operator==(const Copies&) const = default;
  };
  std::optional<Copies> copies(const std::string& agent, MonoTime now) const;
  // How many agents have some.
  size_t agents_with_copies(MonoTime now) const;
  // Those of which that has changed since this was called last.
  std::vector<std::string> take_news(MonoTime now);

 private:
  struct Other {
    MonoTime since{};  // another one serves
    MonoTime heard_at{};
    std::optional<MonoTime> straggled_at;  // when it was first heard after that
    bool alive = false;                    // heard so late, or so often, that it is no straggler
  };
  struct Record {
    std::string serving;
    MonoTime heard_at{};
    std::map<std::string, Other> others;
    std::optional<Copies> told;
  };
  std::optional<Copies> copies_of(const Record& record, MonoTime now) const;

  const BootLimits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Record> agents_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub
