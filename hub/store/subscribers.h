// Whom to wake after a commit. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/thread/mutex.h"
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
    Mutex mutex;
    std::vector<std::shared_ptr<One>> all GUARDED_BY(mutex);
  };
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace qleet::hub
