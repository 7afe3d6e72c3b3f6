// What other threads tell the engine: kept here until its owner thread takes it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/loop/loop.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "providers/api/provider.h"

namespace qleet::agent {

enum class StepKind { kObserve, kApply, kRemove };

struct StepOutcome {
  std::string name;
  std::string provider;
  StepKind kind = StepKind::kObserve;
  std::string hash;  // that the provider was handed
  std::variant<Result<Observation>, Result<StepResult>> result;
};

// Thread-safe. Shared with steps that may end after the engine is gone: once closed, it takes nothing.
class Inbox {
 public:
  struct Contents {
    std::vector<StepOutcome> outcomes;
    std::set<std::string> woken;
    std::vector<std::function<void()>> calls;
    bool empty() const { return outcomes.empty() && woken.empty() && calls.empty(); }
  };

  explicit Inbox(Wake& wake) : wake_(&wake) {}
  void put(StepOutcome outcome) {
    add([&](Contents& to) { to.outcomes.push_back(std::move(outcome)); });
  }
  void wake(std::string name) {
    add([&](Contents& to) { to.woken.insert(std::move(name)); });
  }
  // To be run on the owner thread. False: closed, it will not be run.
  bool call(std::function<void()> function) {
    return add([&](Contents& to) { to.calls.push_back(std::move(function)); });
  }
  Contents take() {
    const MutexLock lock(mutex_);
    return std::exchange(contents_, {});
  }
  void close() {
    const MutexLock lock(mutex_);
    wake_ = nullptr;
    contents_ = {};
  }

 private:
  template <class Add>
  bool add(Add&& what) {
    const MutexLock lock(mutex_);
    if (!wake_) return false;
    what(contents_);
    (*wake_)();
    return true;
  }

  Mutex mutex_;
  Wake* wake_ GUARDED_BY(mutex_);
  Contents contents_ GUARDED_BY(mutex_);
};

}  // namespace qleet::agent
