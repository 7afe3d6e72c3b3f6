// What stands between a bus's threads and a handler: once closed, the handler never runs again.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/bus/bus.h"
#include "common/thread/mutex.h"

namespace qleet {

// Thread-safe.
class Gate {
 public:
  explicit Gate(MessageHandler handler) : handler_(std::move(handler)) {}

  void pass(Message message) {
    const MutexLock lock(mutex_);
    if (open_) handler_(std::move(message));
  }

  // Waits for a handler that runs on another thread; may be called from within the handler.
  void close() {
    const MutexLock lock(mutex_);
    open_ = false;
  }

 private:
  RecursiveMutex mutex_;
  bool open_ GUARDED_BY(mutex_) = true;
  const MessageHandler handler_;
};

// What callers hold of a subscription or request. Destroying it closes the gate, then lets the bus forget it.
class GateHandle {
 public:
  GateHandle(std::shared_ptr<Gate> gate, std::function<void()> forget)
      : gate_(std::move(gate)), forget_(std::move(forget)) {}
  ~GateHandle() {
    gate_->close();
    forget_();
  }
  GateHandle(const GateHandle&) = delete;
  GateHandle& operator=(const GateHandle&) = delete;

 private:
  const std::shared_ptr<Gate> gate_;
  const std::function<void()> forget_;
};

}  // namespace qleet
