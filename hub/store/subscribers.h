// Whom to wake after a commit. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "hub/store/store.h"

namespace qleet::hub {

class Subscribers {
 public:
  // Once the handle's destructor has returned, `wake` is not running and will not be called again (unless
  // it is `wake` itself that drops it). So drop it without holding a lock that `wake` takes. The handle
  // may outlive this object.
  [[nodiscard]] std::shared_ptr<void> add(std::function<void(Revision)> wake);
  void notify(Revision revision);

 private:
  struct One;
  struct List {
    std::mutex mutex;
    std::vector<std::shared_ptr<One>> all;
  };
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace qleet::hub
