// Which agents are there: from when each was heard last. In memory; only changes of state are worth storing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::hub {

enum class Presence {
  kNeverSeen,  // enrolled, has not spoken yet
  kExpected,   // was connected when this hub stopped; has its full time to speak
  kConnected,
  kLost,
};

struct Sight {
  Presence presence = Presence::kNeverSeen;
  std::optional<WallTime> last_seen;  // by this process
  WallTime since{};                   // of the presence
};

// Thread-safe.
class Liveness {
 public:
  explicit Liveness(Millis lost_after) : lost_after_(lost_after) {}

  // Before anything was heard: what the store said.
  void restore(const std::string& agent, bool was_connected, MonoTime now, WallTime wall);
  // True when it was not connected before.
  bool heard(const std::string& agent, MonoTime now, WallTime wall);
  // Its connection has ended. Unless it is heard within `grace`, it is lost then.
  void left(const std::string& agent, MonoTime now, Millis grace);
  // Those that have just become lost.
  std::vector<std::string> expire(MonoTime now, WallTime wall);
  void forget(const std::string& agent);

  Sight sight(std::string_view agent) const;
  size_t connected() const;

 private:
  struct Known {
    Sight sight;
    MonoTime heard_at{};
    MonoTime lost_at = MonoTime::max();  // because it left
  };

  const Millis lost_after_;
  mutable Mutex mutex_;
  std::map<std::string, Known, std::less<>> agents_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub
