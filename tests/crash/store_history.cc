#include "tests/crash/store_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "hub/store/keys.h"

namespace qleet::hub::tests {
namespace {

std::uint64_t sum_of(std::string_view key, std::string_view value, Revision revision) {
  const std::hash<std::string_view> hash;
  return (hash(key) * 31 + hash(value)) * 31 + std::hash<std::string>{}(std::to_string(revision));
}

// Passes everything on, and keeps a copy of what is written.
class RecordingTxn final : public Txn {
 public:
  RecordingTxn(Txn& txn, StoreHistory::Writes& writes) : txn_(txn), writes_(writes) {}
  Revision revision() const override { return txn_.revision(); }
  Result<std::optional<Entry>> get(std::string_view key) const override { return txn_.get(key); }
  Result<std::vector<Entry>> scan(const Range& range) const override { return txn_.scan(range); }
  void put(std::string_view key, std::string value) override {
    writes_[std::string(key)] = value;
    txn_.put(key, std::move(value));
  }
  void erase(std::string_view key) override {
    writes_[std::string(key)] = std::nullopt;
    txn_.erase(key);
  }

 private:
  Txn& txn_;
  StoreHistory::Writes& writes_;
};

}  // namespace

void StoreHistory::proposed(Revision revision, Writes writes) {
  std::lock_guard lock(mutex_);
  // What came after it was undone with it.
  proposed_.erase(proposed_.lower_bound(revision), proposed_.end());
  proposed_[revision] = std::move(writes);
}

void StoreHistory::acknowledged(Revision revision, std::size_t position) {
  std::lock_guard lock(mutex_);
  acknowledged_.emplace_back(position, revision);
}

void StoreHistory::seal() {
  struct Held {
    std::string value;
    Revision revision;
  };
  std::map<std::string, Held> held;
  std::uint64_t sum = 0;
  sums_[0] = 0;
  for (const auto& [revision, writes] : proposed_) {
    bool wrote = false;
    for (const auto& [key, value] : writes) {
      const auto old = held.find(key);
      const bool logged = key.starts_with(keys::kObjectPrefix);
      if (old != held.end()) sum -= sum_of(key, old->second.value, old->second.revision);
      if (value) {
        sum += sum_of(key, *value, revision);
        if (logged) changes_.push_back({revision, key, false, old == held.end(), *value});
        held[key] = {*value, revision};
        wrote = true;
      } else if (old != held.end()) {
        wrote = true;
        if (logged) changes_.push_back({revision, key, true, false, old->second.value});
        held.erase(old);
      }
    }
    // A transaction that changed nothing is no revision.
    if (!wrote) continue;
    sums_[revision] = sum;
    last_ = revision;
  }
  std::ranges::sort(acknowledged_);
}

Revision StoreHistory::acknowledged_at(std::size_t position) const {
  Revision newest = 0;
  for (const auto& [when, revision] : acknowledged_) {
    if (when > position) break;
    newest = std::max(newest, revision);
  }
  return newest;
}

std::string StoreHistory::check(const Store& store, Revision at_least) const {
  const auto reader = store.snapshot();
  if (!reader) return reader.error().message;
  const Revision revision = (*reader)->revision();
  if (revision < at_least)
    return fmt::format("revision {} was acknowledged, the store is at {}", at_least, revision);
  const auto expected = sums_.find(revision);
  if (expected == sums_.end()) return fmt::format("revision {} was never proposed", revision);
  const auto entries = (*reader)->scan({});
  if (!entries) return entries.error().message;
  std::uint64_t sum = 0;
  for (const auto& entry : *entries) sum += sum_of(entry.key, entry.value, entry.revision);
  if (sum != expected->second)
    return fmt::format("revision {} does not hold what was written ({} entries)", revision, entries->size());
  return check_log(store, revision);
}

std::string StoreHistory::check_log(const Store& store, Revision revision) const {
  // The log may have been cut at its old end: find the first position that it reaches back to.
  Revision low = 0;
  Revision high = revision;
  while (low < high) {
    const Revision middle = low + (high - low) / 2;
    if (store.changes(middle, 1)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const auto found = store.changes(low, SIZE_MAX);
  if (!found) return "the log of changes cannot be read: " + found.error().message;
  auto expected = std::ranges::upper_bound(changes_, low, {}, &Change::revision);
  for (const auto& change : *found) {
    if (expected == changes_.end() || change.revision != expected->revision || change.key != expected->key ||
        change.erased != expected->erased || change.created != expected->created ||
        change.value != expected->value) {
      return fmt::format("the log of changes has revision {} of {} where another was expected",
                         change.revision, change.key);
    }
    ++expected;
  }
  if (expected != changes_.end() && expected->revision <= revision)
    return fmt::format("the log of changes lacks revision {} of {}", expected->revision, expected->key);
  return {};
}

Result<Revision> RecordingStore::transact(const TxnFunction& function) {
  auto done = store_.transact([&](Txn& txn) -> Result<> {
    StoreHistory::Writes writes;
    RecordingTxn recording(txn, writes);
    TRY(function(recording));
    history_.proposed(txn.revision(), std::move(writes));
    return {};
  });
  if (done) history_.acknowledged(*done, position_());
  return done;
}

}  // namespace qleet::hub::tests
