// Where the answers to a client's requests come: one subscription for all, one subject for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/bus/bus.h"
#include "common/bus/gate.h"
#include "common/thread/mutex.h"

namespace qleet {

// Thread-safe. Held by a shared_ptr.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  // `name` of the client: a token.
  explicit Inbox(const std::string& name);

  // To be subscribed to.
  std::string pattern() const { return prefix_ + ".*"; }

  struct Awaited {
    std::string subject;           // to be sent as reply
    std::shared_ptr<void> handle;  // the handler runs no more once this is gone
  };
  Awaited await(MessageHandler handler);
  // Null where nobody waits any more.
  std::shared_ptr<Gate> find(const std::string& subject) const;
  // No handler runs afterwards.
  void close();

 private:
  std::string prefix_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Gate>> awaited_ GUARDED_BY(mutex_);
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace qleet
