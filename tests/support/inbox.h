#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/bus/bus.h"

namespace qleet::testing {

// What a handler saw. Thread-safe.
class Inbox {
 public:
  MessageHandler handler() {
    return [this](Message message) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    };
  }
  std::vector<Message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  std::vector<std::string> data() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& message : messages_) out.push_back(message.data);
    return out;
  }
  std::size_t size() const { return messages().size(); }

 private:
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
};

}  // namespace qleet::testing
