// The hub's store, as a disk that may be full and a process that may end around any commit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/store/overlay_store.h"
#include "hub/store/store.h"
#include "tests/simulation/crash.h"
#include "tests/simulation/sabotage.h"

namespace qleet::sim {

// What is committed survives whoever uses it. One thread.
class SimStore final : public hub::Store {
 public:
  enum class Fate {
    kFine,
    kTwice,        // the function runs once in vain before, as the interface allows
    kFull,         // refused: kExhausted
    kCrashBefore,  // the hub ends before the commit
    kCrashAfter,   // the hub ends after the commit, before whoever asked for it knows
  };
  struct Seams {
    std::function<Fate()> fate;
    // After each commit, before whoever asked for it knows.
    std::function<void(hub::Revision)> committed;
  };

  SimStore(std::unique_ptr<hub::OverlayStore> inner, Seams seams)
      : inner_(std::move(inner)), seams_(std::move(seams)) {}

  Result<std::unique_ptr<hub::Reader>> snapshot() const override { return inner_->snapshot(); }
  Result<hub::Revision> transact(const hub::TxnFunction& function) override;
  Result<std::vector<hub::Change>> changes(hub::Revision after, size_t limit) const override {
    return inner_->changes(after, limit);
  }
  std::shared_ptr<void> subscribe(std::function<void(hub::Revision)> wake) override {
    return inner_->subscribe(std::move(wake));
  }
  hub::StoreIdentity identity() const override { return inner_->identity(); }

  Result<> compact(hub::Revision before) { return inner_->compact(before); }

 private:
  std::unique_ptr<hub::OverlayStore> inner_;
  Seams seams_;
};

}  // namespace qleet::sim
