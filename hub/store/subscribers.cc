#include "hub/store/subscribers.h"

#include <utility>

namespace qleet::hub {

struct Subscribers::One {
  explicit One(std::function<void(Revision)> to) : wake(std::move(to)) {}
  // Recursive: a wake may drop its own handle.
  RecursiveMutex running;
  bool dropped GUARDED_BY(running) = false;
  std::function<void(Revision)> wake GUARDED_BY(running);
};

std::shared_ptr<void> Subscribers::add(std::function<void(Revision)> wake) {
  auto one = std::make_shared<One>(std::move(wake));
  {
    const MutexLock lock(list_->mutex);
    list_->all.push_back(one);
  }
  return {one.get(), [one, weak = std::weak_ptr<List>(list_)](void*) {
            {
              const MutexLock lock(one->running);
              one->dropped = true;
            }
            if (auto list = weak.lock()) {
              const MutexLock lock(list->mutex);
              std::erase(list->all, one);
            }
          }};
}

void Subscribers::notify(Revision revision) {
  std::vector<std::shared_ptr<One>> all;
  {
    const MutexLock lock(list_->mutex);
    all = list_->all;
  }
  for (const auto& one : all) {
    const MutexLock lock(one->running);
    if (!one->dropped) one->wake(revision);
  }
}

}  // namespace qleet::hub
