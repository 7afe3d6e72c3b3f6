// The state of a connection, and who is told of it: the same for every Bus that keeps one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet {

// Thread-safe. Handlers run on the thread that makes the change, one change at a time and in order; they may
// ask for the state.
class BusStates {
 public:
  using Handler = std::function<void(BusState, std::string why)>;

  // From now on only what is said of this connection counts: words of an earlier one may come late.
  void follow(std::uint64_t connection);
  void set(std::uint64_t connection, BusState state, const std::string& why);
  // Of the present state at once, then of each change.
  void tell(Handler handler);
  BusState state() const;
  bool wait_connected(Millis timeout) const;
  // Disconnected, for good, and nobody is told any more.
  void close();

 private:
  mutable RecursiveMutex mutex_;  // held while handlers run
  mutable Condition changed_;
  std::uint64_t connection_ GUARDED_BY(mutex_) = 0;
  BusState state_ GUARDED_BY(mutex_) = BusState::kConnecting;
  std::string why_ GUARDED_BY(mutex_);
  std::vector<Handler> handlers_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace qleet
