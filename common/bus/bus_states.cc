#include "common/bus/bus_states.h"

#include <utility>

namespace qleet {

void BusStates::follow(std::uint64_t connection) {
  const MutexLock lock(mutex_);
  connection_ = connection;
}

void BusStates::set(std::uint64_t connection, BusState state, const std::string& why) {
  const MutexLock lock(mutex_);
  if (connection != connection_ || closed_ || (state == state_ && why == why_)) return;
  state_ = state;
  why_ = why;
  changed_.notify_all();
  for (const auto& handler : handlers_) handler(state_, why_);
}

void BusStates::tell(Handler handler) {
  const MutexLock lock(mutex_);
  handler(state_, why_);
  handlers_.push_back(std::move(handler));
}

BusState BusStates::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

bool BusStates::wait_connected(Millis timeout) const {
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, timeout,
                           [this]() REQUIRES(mutex_) { return state_ == BusState::kConnected; });
}

void BusStates::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  state_ = BusState::kDisconnected;
  why_ = "closed";
  handlers_.clear();
}

}  // namespace qleet
