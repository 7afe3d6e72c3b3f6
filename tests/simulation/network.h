// What becomes of messages: lost, doubled, late, or cut off one way or both.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "common/bus/memory_bus.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/trace.h"

namespace qleet::sim {

struct NetworkTrouble {
  unsigned lost_percent = 0;
  unsigned doubled_percent = 0;
  unsigned delayed_percent = 0;
  Millis longest_delay{1};  // also what puts messages out of order
};

// Decides for a broker, which must outlive it.
class Network {
 public:
  Network(MemoryBroker& broker, Dice& dice, Trace& trace);
  ~Network() { broker_.set_fate({}); }

  void set_trouble(const NetworkTrouble& trouble) { trouble_ = trouble; }
  // Silently: neither end is told.
  void cut(const std::string& from, const std::string& to) { cut_.emplace(from, to); }
  void mend(const std::string& from, const std::string& to) { cut_.erase({from, to}); }

 private:
  MemoryBroker::Fate decide(std::string_view from, std::string_view to, const Message& message);

  MemoryBroker& broker_;
  Dice& dice_;
  Trace& trace_;
  NetworkTrouble trouble_;
  std::set<std::pair<std::string, std::string>> cut_;
};

}  // namespace qleet::sim
