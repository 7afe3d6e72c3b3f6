#include "hub/store/subscribers.h"

#include <utility>

namespace qleet::hub {

struct Subscribers::One {
  // Recursive: a wake may drop its own handle.
  std::recursive_mutex running;
  bool dropped = false;
  std::function<void(Revision)> wake;
};

std::shared_ptr<void> Subscribers::add(std::function<void(Revision)> wake) {
  auto one = std::make_shared<One>();
  one->wake = std::move(wake);
  {
    std::lock_guard lock(list_->mutex);
    list_->all.push_back(one);
  }
  return {one.get(), [one, weak = std::weak_ptr<List>(list_)](void*) {
            {
              std::lock_guard lock(one->running);
              one->dropped = true;
            }
            if (auto list = weak.lock()) {
              std::lock_guard lock(list->mutex);
              std::erase(list->all, one);
            }
          }};
}

void Subscribers::notify(Revision revision) {
  std::vector<std::shared_ptr<One>> all;
  {
    std::lock_guard lock(list_->mutex);
    all = list_->all;
  }
  for (const auto& one : all) {
    std::lock_guard lock(one->running);
    if (!one->dropped) one->wake(revision);
  }
}

}  // namespace qleet::hub
