#include "hub/store/overlay_store.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "common/thread/mutex.h"
#include "hub/store/buffered_txn.h"
#include "hub/store/change_log.h"
#include "hub/store/keys.h"
#include "hub/store/subscribers.h"

namespace qleet::hub {
namespace {

// Shared between the versions of a key and the change log. Null: erased.
using Value = std::shared_ptr<const std::string>;

struct Version {
  Revision revision;
  Value value;
};
// What was written since the base, oldest version first.
using Versions = std::map<std::string, std::vector<Version>, std::less<>>;

struct Logged {
  Revision revision;
  std::string key;
  bool erased;
  bool created;
  Value value;  // the last one where erased
};

}  // namespace

class OverlayStore::Impl {
 public:
  Impl(std::unique_ptr<Reader> base, StoreIdentity identity, const OverlayOptions& options)
      : identity_(std::move(identity)),
        options_(options),
        base_(std::move(base)),
        revision_(base_->revision()),
        log_floor_(revision_) {}

  Result<Revision> transact(const TxnFunction& function);
  Result<std::optional<Entry>> get(std::string_view key, Revision at) const;
  Result<std::vector<Entry>> scan(const Range& range, Revision at) const;
  Result<std::vector<Change>> changes(Revision after, size_t limit) const;
  void compact(Revision before);
  Revision hold() {
    const MutexLock lock(mutex_);
    held_.insert(revision_);
    return revision_;
  }
  void release(Revision revision) {
    const MutexLock lock(mutex_);
    held_.erase(held_.find(revision));
  }
  Subscribers& subscribers() { return subscribers_; }
  const StoreIdentity& identity() const { return identity_; }

 private:
  const Version* visible(const std::vector<Version>& versions, Revision at) const;
  Result<bool> commit(const BufferedTxn& txn);
  void tidy() REQUIRES(mutex_);
  void trim_log() REQUIRES(mutex_);

  const StoreIdentity identity_;
  const OverlayOptions options_;
  Subscribers subscribers_;

  Mutex writing_;  // held over a whole transaction; taken before mutex_
  std::atomic<std::thread::id> writer_;

  mutable Mutex mutex_;  // guards what follows
  std::unique_ptr<Reader> base_ GUARDED_BY(mutex_);
  Versions versions_ GUARDED_BY(mutex_);
  std::deque<Logged> log_ GUARDED_BY(mutex_);
  Revision revision_ GUARDED_BY(mutex_);
  Revision log_floor_ GUARDED_BY(mutex_);
  std::multiset<Revision> held_ GUARDED_BY(mutex_);     // by snapshots
  std::vector<std::string> untidy_ GUARDED_BY(mutex_);  // keys with versions that only snapshots see
};

namespace {

template <class Impl>
class At final : public Reader {
 public:
  explicit At(Impl& impl) : impl_(impl), revision_(impl.hold()) {}
  At(const At&) = delete;
  At& operator=(const At&) = delete;
  ~At() override { impl_.release(revision_); }
  Revision revision() const override { return revision_; }
  Result<std::optional<Entry>> get(std::string_view key) const override { return impl_.get(key, revision_); }
  Result<std::vector<Entry>> scan(const Range& range) const override { return impl_.scan(range, revision_); }

 private:
  Impl& impl_;
  Revision revision_;
};

}  // namespace

Result<Revision> OverlayStore::Impl::transact(const TxnFunction& function) {
  if (writer_ == std::this_thread::get_id()) {
    return fail(Code::kInternal, "store: a transaction was begun within a transaction");
  }
  Revision result = 0;
  {
    const MutexLock one_at_a_time(writing_);
    struct Mark {
      std::atomic<std::thread::id>& id;
      explicit Mark(std::atomic<std::thread::id>& to) : id(to) { id = std::this_thread::get_id(); }
      ~Mark() { id = std::thread::id(); }
    } mark(writer_);
    std::optional<At<Impl>> now(std::in_place, *this);
    const Revision before = now->revision();
    BufferedTxn txn(*now, before + 1);
    TRY(function(txn));
    TRY(txn.valid());
    now.reset();
    if (!TRY(commit(txn))) return before;
    result = txn.revision();
  }
  subscribers_.notify(result);
  return result;
}

Result<bool> OverlayStore::Impl::commit(const BufferedTxn& txn) {
  // Everything that can fail comes before the first change.
  std::map<std::string_view, std::optional<Entry>> last;
  bool wrote = false;
  for (const auto& [key, value] : txn.writes()) {
    if (!value || key.starts_with(keys::kObjectPrefix)) last[key] = TRY(get(key, txn.revision() - 1));
    wrote |= value || last[key];
  }
  if (!wrote) return false;

  const MutexLock lock(mutex_);
  for (const auto& [key, value] : txn.writes()) {
    const bool erased = !value;
    if (erased && !last[key]) continue;
    auto kept = std::make_shared<const std::string>(erased ? last[key]->value : *value);
    auto& versions = versions_[key];
    versions.push_back({txn.revision(), erased ? nullptr : kept});
    if (versions.size() > 1 || erased) untidy_.push_back(key);
    if (!key.starts_with(keys::kObjectPrefix)) continue;
    log_.push_back({txn.revision(), key, erased, !erased && !last[key], kept});
  }
  revision_ = txn.revision();
  tidy();
  trim_log();
  return true;
}

// Forgets what nobody can see any more.
void OverlayStore::Impl::tidy() {
  if (!held_.empty()) return;
  for (const auto& key : untidy_) {
    auto it = versions_.find(key);
    if (it == versions_.end()) continue;
    auto& versions = it->second;
    versions.erase(versions.begin(), versions.end() - 1);
    if (versions.back().value) continue;
    // Still needed where it hides one of the base's.
    const auto hidden = base_->get(key);
    if (hidden && !*hidden) versions_.erase(it);
  }
  untidy_.clear();
}

void OverlayStore::Impl::trim_log() {
  while (log_.size() > options_.max_log_entries && log_.front().revision != log_.back().revision) {
    log_floor_ = log_.front().revision;
    while (log_.front().revision == log_floor_) log_.pop_front();
  }
}

const Version* OverlayStore::Impl::visible(const std::vector<Version>& versions, Revision at) const {
  auto after = std::upper_bound(versions.begin(), versions.end(), at,
                                [](Revision revision, const Version& v) { return revision < v.revision; });
  return after == versions.begin() ? nullptr : &*std::prev(after);
}

Result<std::optional<Entry>> OverlayStore::Impl::get(std::string_view key, Revision at) const {
  TRY(check_key(key));
  const MutexLock lock(mutex_);
  if (auto it = versions_.find(key); it != versions_.end()) {
    if (const Version* version = visible(it->second, at)) {
      if (!version->value) return std::nullopt;
      return Entry{it->first, *version->value, version->revision};
    }
  }
  return base_->get(key);
}

Result<std::vector<Entry>> OverlayStore::Impl::scan(const Range& range, Revision at) const {
  const std::string& start = std::max(range.prefix, range.after);
  if (!start.empty()) TRY(check_key(start));
  const MutexLock lock(mutex_);
  auto first =
      range.after < range.prefix ? versions_.lower_bound(range.prefix) : versions_.upper_bound(range.after);
  auto end = first;
  size_t written = 0;
  for (; end != versions_.end() && end->first.starts_with(range.prefix); ++end) ++written;

  // Each written key hides at most one of the base's.
  Range below = range;
  below.limit = range.limit > SIZE_MAX - written ? SIZE_MAX : range.limit + written;
  std::vector<Entry> base = TRY(base_->scan(below));
  std::vector<Entry> merged;
  auto from_base = base.begin();
  while (merged.size() < range.limit && (from_base != base.end() || first != end)) {
    const Version* version = first == end ? nullptr : visible(first->second, at);
    if (first != end && version == nullptr) {
      ++first;  // written only later: the base's is what is seen
      continue;
    }
    if (first == end || (from_base != base.end() && from_base->key < first->first)) {
      merged.push_back(std::move(*from_base++));
      continue;
    }
    if (from_base != base.end() && from_base->key == first->first) ++from_base;
    if (version->value) merged.push_back({first->first, *version->value, version->revision});
    ++first;
  }
  return merged;
}

Result<std::vector<Change>> OverlayStore::Impl::changes(Revision after, size_t limit) const {
  const MutexLock lock(mutex_);
  TRY(check_log_reaches(after, log_floor_, revision_));
  auto it = std::upper_bound(log_.begin(), log_.end(), after,
                             [](Revision revision, const Logged& l) { return revision < l.revision; });
  std::vector<Change> changes;
  for (; it != log_.end(); ++it) {
    if (changes.size() >= limit && (changes.empty() || changes.back().revision != it->revision)) break;
    changes.push_back({it->revision, it->key, it->erased, it->created, *it->value});
  }
  return changes;
}

void OverlayStore::Impl::compact(Revision before) {
  const MutexLock lock(mutex_);
  const Revision wanted = std::min(before, revision_ + 1);
  if (wanted <= log_floor_ + 1) return;
  while (!log_.empty() && log_.front().revision < wanted) log_.pop_front();
  log_floor_ = wanted - 1;
}

Result<std::unique_ptr<OverlayStore>> OverlayStore::over(const Store& base, const OverlayOptions& options) {
  return std::make_unique<OverlayStore>(TRY(base.snapshot()), base.identity(), options);
}

OverlayStore::OverlayStore(std::unique_ptr<Reader> base, StoreIdentity identity,
                           const OverlayOptions& options)
    : impl_(std::make_unique<Impl>(std::move(base), std::move(identity), options)) {}

OverlayStore::~OverlayStore() = default;

Result<std::unique_ptr<Reader>> OverlayStore::snapshot() const { return std::make_unique<At<Impl>>(*impl_); }

Result<Revision> OverlayStore::transact(const TxnFunction& function) { return impl_->transact(function); }

Result<std::vector<Change>> OverlayStore::changes(Revision after, size_t limit) const {
  return impl_->changes(after, limit);
}

std::shared_ptr<void> OverlayStore::subscribe(std::function<void(Revision)> wake) {
  return impl_->subscribers().add(std::move(wake));
}

StoreIdentity OverlayStore::identity() const { return impl_->identity(); }

Result<> OverlayStore::compact(Revision before) {
  impl_->compact(before);
  return {};
}

}  // namespace qleet::hub
