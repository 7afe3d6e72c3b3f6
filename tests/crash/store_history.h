// What was asked of a store and what it acknowledged, and whether a store that was found after a crash can be
// what is left of that.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hub/store/store.h"

namespace qleet::hub::tests {

// Thread-safe.
class StoreHistory {
 public:
  using Writes = std::map<std::string, std::optional<std::string>>;

  // A function ran and asked for this, as that revision; the last one to do so counts.
  void proposed(Revision revision, Writes writes);
  // The caller was told that this revision is durable, when `position` operations had been asked of the disk.
  void acknowledged(Revision revision, std::size_t position);

  // After the last change, before the first check.
  void seal();
  // The newest revision of which somebody was told after at most `position` operations.
  Revision acknowledged_at(std::size_t position) const;
  Revision last() const { return last_; }

  // What is wrong with this reader, opened on a store that lost nothing up to `at_least`; empty: nothing. Its
  // content must be that of exactly one revision, byte for byte, and so must its log of changes.
  std::string check(const Store& store, Revision at_least) const;

 private:
  std::string check_log(const Store& store, Revision revision) const;

  mutable std::mutex mutex_;
  std::map<Revision, Writes> proposed_;
  std::vector<std::pair<std::size_t, Revision>> acknowledged_;
  // Of each revision: a sum over its entries, and what it changed.
  std::map<Revision, std::uint64_t> sums_;
  std::vector<Change> changes_;
  Revision last_ = 0;
};

// A store that writes down what passes through it.
class RecordingStore final : public Store {
 public:
  // All outlive it. `position` counts the disk's operations.
  RecordingStore(Store& store, StoreHistory& history, std::function<std::size_t()> position)
      : store_(store), history_(history), position_(std::move(position)) {}

  Result<std::unique_ptr<Reader>> snapshot() const override { return store_.snapshot(); }
  Result<Revision> transact(const TxnFunction& function) override;
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override {
    return store_.changes(after, limit);
  }
  std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override {
    return store_.subscribe(std::move(wake));
  }
  StoreIdentity identity() const override { return store_.identity(); }

 private:
  Store& store_;
  StoreHistory& history_;
  const std::function<std::size_t()> position_;
};

}  // namespace qleet::hub::tests
