#include "common/engine/notifier.h"

namespace qleet::containers {

std::shared_ptr<void> Notifier::subscribe(Changed changed) {
  auto subscriber = std::make_shared<Subscriber>(std::move(changed));
  const void* key = subscriber.get();
  {
    const MutexLock lock(mutex_);
    subscribers_[key] = subscriber;
  }
  return {subscriber.get(), [this, key, subscriber](void*) {
            {
              const MutexLock lock(mutex_);
              subscribers_.erase(key);
            }
            const MutexLock waited(subscriber->mutex);
            subscriber->changed = nullptr;
          }};
}

void Notifier::notify(const std::string& resource) const {
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  {
    const MutexLock lock(mutex_);
    for (const auto& [key, subscriber] : subscribers_) subscribers.push_back(subscriber);
  }
  for (const auto& subscriber : subscribers) {
    const MutexLock lock(subscriber->mutex);
    if (subscriber->changed) subscriber->changed(resource);
  }
}

void Notifier::knows(const std::string& name, const std::string& resource) {
  const MutexLock lock(mutex_);
  names_[name] = resource;
}

void Notifier::forget(const std::string& resource) {
  const MutexLock lock(mutex_);
  std::erase_if(names_, [&](const auto& entry) { return entry.second == resource; });
}

std::string Notifier::resource_of(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto it = names_.find(name);
  return it == names_.end() ? std::string() : it->second;
}

std::set<std::string> Notifier::resources() const {
  const MutexLock lock(mutex_);
  std::set<std::string> out;
  for (const auto& [name, resource] : names_) out.insert(resource);
  return out;
}

}  // namespace qleet::containers
