// Who is to be told that a resource's world may have changed, and which names in the engine belong to which
// resource.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet::containers {

// Thread-safe. Callbacks run on the notifying thread and must not end their own subscription.
class Notifier {
 public:
  using Changed = std::function<void(std::string resource)>;

  // Once the handle is destroyed, nothing is called any more.
  std::shared_ptr<void> subscribe(Changed changed);
  void notify(const std::string& resource) const;

  // Notes that `name` (a container, volume or network) is of `resource`: events about it may carry no labels.
  void knows(const std::string& name, const std::string& resource);
  void forget(const std::string& resource);
  // Empty when unknown.
  std::string resource_of(const std::string& name) const;
  std::set<std::string> resources() const;

 private:
  mutable Mutex mutex_;
  struct Subscriber {
    explicit Subscriber(Changed to) : changed(std::move(to)) {}
    Mutex mutex;  // held while it is called: who unsubscribes waits for that
    Changed changed GUARDED_BY(mutex);
  };
  std::map<const void*, std::shared_ptr<Subscriber>> subscribers_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> names_ GUARDED_BY(mutex_);
};

}  // namespace qleet::containers
