// When an agent is told that what it holds differs. Pure but for its memory of earlier pokes.
#pragma once

#include <map>
#include <string>

#include "common/clock/clock.h"
#include "hub/dispatch/desired_index.h"
#include "hub/store/store.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

struct PokeLimits {
  // A change this young may still be on its way, or its confirmation may.
  Millis settle{2'000};
  // Between two pokes of one agent; doubles as long as they do not help.
  Millis first{5'000};
  Millis longest{300'000};
};

class PokePolicy {
 public:
  explicit PokePolicy(PokeLimits limits) : limits_(limits) {}

  // Why this agent is to be poked now; empty: it is not. `wanted`: of its region, null where that is not
  // known yet.
  std::string decide(const std::string& agent, const wire::v1::Heartbeat& beat, const RegionView* wanted,
                     const StoreIdentity& identity, MonoTime now);
  void forget(const std::string& agent) { agents_.erase(agent); }

 private:
  struct Past {
    MonoTime next{};
    unsigned in_vain = 0;
  };

  const PokeLimits limits_;
  std::map<std::string, Past> agents_;  // that were poked and have not agreed since
};

}  // namespace qleet::hub
