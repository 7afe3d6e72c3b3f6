// Somebody who follows the hub's API by watch, reads when he likes, is cut off with the hub and comes back:
// he must see each change once, in the order of commits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/api/watch.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/sabotage.h"

namespace qleet::sim {

class Watcher {
 public:
  Watcher(std::string plural, Findings& findings, Sabotage sabotage);

  // Reads what there is, over a new connection where there is none.
  void read(hub::Store& store, const Clock& clock, const hub::api::Shower& shower, const Checker& checker);
  // The hub is gone.
  void cut() { stream_.reset(); }
  // Another life of the store: what was seen before says nothing.
  void forget();

 private:
  void take(std::string_view text, const Checker& checker);

  const std::string plural_;
  const std::string prefix_;
  Findings& findings_;
  bool skips_;  // the next event (sabotage)
  std::shared_ptr<hub::api::WatchStream> stream_;
  std::optional<hub::Revision> seen_;  // everything up to here; nothing: a list has not ended yet
  size_t next_ = 0;                    // of what the checker was told
};

}  // namespace qleet::sim
