// What stands between a bus's threads and a handler: once closed, the handler never runs again.
#pragma once

#include <mutex>
#include <utility>

#include "common/bus/bus.h"

namespace qleet {

// Thread-safe.
class Gate {
 public:
  explicit Gate(MessageHandler handler) : handler_(std::move(handler)) {}

  void pass(Message message) {
    const std::lock_guard lock(mutex_);
    if (open_) handler_(std::move(message));
  }

  // Waits for a handler that runs on another thread; may be called from within the handler.
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::recursive_mutex mutex_;
  bool open_ = true;
  const MessageHandler handler_;
};

}  // namespace qleet
