#include "hub/controllers/manager.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/log/log.h"
#include "hub/controllers/deployment_pace.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/places.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {
namespace {

constexpr log::Logger kLog{"controllers"};
constexpr size_t kUnusedAtOnce = 100;
constexpr size_t kDeferredAtOnce = 1'000;
// What is kept because it may be asked for is looked at when that is known; this is for what went unseen.
constexpr Millis kDeferred = std::chrono::minutes(1);
const std::string kUnused = "x/unused/";
constexpr Millis kIdlePoll = std::chrono::seconds(30);
constexpr Millis kStoreRetry{500};
const std::string kPositionKey = keys::meta("controllers-position");

std::uint64_t millis(WallTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

std::uint64_t due_in(std::string_view key) {
  const auto due = keys::segments(key)[2];
  std::uint64_t at = 0;
  std::from_chars(due.data(), due.data() + due.size(), at, 16);
  return at;
}

// Settles what is due, and says when to look again.
Result<std::optional<WallTime>> settle_unused(Work& work) {
  std::string after;
  size_t settled = 0;
  size_t deferred = 0;
  while (settled < kUnusedAtOnce && deferred < kDeferredAtOnce) {
    const auto entries = TRY(work.txn.scan({.prefix = kUnused, .after = after, .limit = kUnusedAtOnce}));
    for (const auto& entry : entries) {
      after = entry.key;
      const auto due = due_in(entry.key);
      if (due > millis(work.now())) {
        const WallTime then{Millis(due)};
        return deferred == 0 ? then : std::min(then, work.now() + kDeferred);
      }
      ++(TRY(settle_due(work, std::string(keys::last(entry.key)), due)) ? settled : deferred);
    }
    if (entries.size() < kUnusedAtOnce)
      return deferred == 0 ? std::nullopt : std::optional(work.now() + kDeferred);
  }
  return settled == 0 ? work.now() + kDeferred : work.now();
}

Result<bool> unused_is_due(Work& work) {
  const auto first = TRY(work.txn.scan({.prefix = kUnused, .limit = 1}));
  return !first.empty() && due_in(first.front().key) <= millis(work.now());
}

// Processor time of this thread from here to the end of the block.
class Stopwatch {
 public:
  explicit Stopwatch(std::chrono::microseconds& spent) : spent_(spent), begun_(now()) {}
  ~Stopwatch() { spent_ = now() - begun_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  static std::chrono::microseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::microseconds(time.tv_sec * 1'000'000 + time.tv_nsec / 1'000);
  }
  std::chrono::microseconds& spent_;
  const std::chrono::microseconds begun_;
};

// The status of a deployment in hundreds of regions is as costly as often it is told: of many reports that
// come one after the other it tells together. The same with an environment's list of regions while agents
// enrol.
Millis rest_after_status(size_t regions) {
  constexpr size_t kFew = 20;
  return regions < kFew ? Millis(0) : Millis(std::min<size_t>(regions / 2, 1'000));
}
Millis rest_after_regions(size_t regions) { return Millis(regions / 50); }

}  // namespace

Manager::Manager(Store& store, const Clock& clock, const Random& random, const ManagerOptions& options)
    : store_(store), clock_(clock), random_(random), options_(options), queue_(clock) {}

Manager::~Manager() { stop(); }

void Manager::requeue(const Key& key, WallTime when) {
  const auto wait = std::max(when - clock_.wall(), Millis(0));
  queue_.add_at(key, clock_.mono() + wait);
}

// One step on the store.
Result<Manager::Stepped> Manager::step(Work& work, const Key& key, const std::set<std::string>& touched) {
  Stepped stepped;
  switch (key.controller) {
    case Controller::kEnvironment:
      TRY(refresh_environment(work, key.name));
      break;
    case Controller::kRegions:
      stepped.rest = rest_after_regions(TRY(refresh_regions(work, touched)));
      break;
    case Controller::kAgent:
      TRY(refresh_agent(work, key.name));
      break;
    case Controller::kApplication:
      TRY(deliver(work, key.name, {}));
      stepped.again = TRY(settle_candidates(work, key.name));
      TRY(settle_application(work, key.name));
      break;
    case Controller::kDeployment:
      stepped.again = TRY(reconcile_deployment(work, key.name));
      // What was kept for its sake may go now.
      if (TRY(unused_is_due(work))) stepped.unused = true;
      break;
    case Controller::kStatus: {
      const auto refreshed = TRY(refresh_deployment(work, key.name, touched));
      stepped.rest = rest_after_status(refreshed.regions);
      stepped.again = refreshed.due;
      if (TRY(unused_is_due(work))) stepped.unused = true;
      break;
    }
    case Controller::kUnused:
      stepped.again = TRY(settle_unused(work));
      break;
  }
  return stepped;
}

Result<Millis> Manager::run(const Key& key, std::chrono::microseconds& spent) {
  Stepped stepped;
  std::set<std::string> touched;
  if (key.controller == Controller::kStatus || key.controller == Controller::kRegions) {
    touched = touched_.take(key.name);
    // Somebody has just looked at them.
    if (touched.empty()) return Millis(0);
  }
  const auto done = store_.transact([&](Txn& txn) -> Result<> {
    Work work{txn, {clock_.wall(), random_}};
    const Stopwatch watch(spent);
    // A fault of this program about one object must not take the others' controllers down with it.
    try {
      stepped = TRY(step(work, key, touched));
      return {};
    } catch (const std::exception& fault) {
      return fail(Code::kInternal, fmt::format("fault in the hub: {}", fault.what()));
    }
  });
  if (!done) {
    touched_.add(key.name, touched);
    return std::unexpected(wrap(done.error(), fmt::format("{} {}", name_of(key.controller), key.name)));
  }
  if (stepped.again)
    requeue(key.controller == Controller::kStatus ? Key{Controller::kDeployment, key.name} : key,
            *stepped.again);
  if (stepped.unused) queue_.add({Controller::kUnused, ""});
  return stepped.rest;
}

bool Manager::run_one(bool rests) {
  const auto key = queue_.take();
  if (!key) return false;
  std::chrono::microseconds spent{0};
  const auto done = run(*key, spent);
  if (!done) {
    kLog.warn("step failed, will be tried again", {{"controller", std::string(name_of(key->controller))},
                                                   {"key", key->name},
                                                   {"error", done.error().message}});
  }
  queue_.done(*key, done.has_value(), rests ? done.value_or(Millis(0)) : Millis(0), spent);
  return true;
}

Result<size_t> Manager::poll() {
  const MutexLock lock(poll_mutex_);
  auto changes = store_.changes(position_, options_.max_changes_per_read);
  if (!changes) {
    // A log that is damaged is passed over like one that has gone.
    const bool lasts = changes.error().code == Code::kCompacted || changes.error().code == Code::kInternal;
    if (!lasts) return std::unexpected(changes.error());
    kLog.warn("the change log cannot be followed: looking at everything once",
              {{"why", changes.error().message}});
    const auto reader = TRY(store_.snapshot());
    TRY(look_at_everything(*reader));
    return 1;
  }
  if (changes->empty()) return 0;
  const auto reader = TRY(store_.snapshot());
  for (const auto& change : *changes) {
    for (const auto& key : TRY(keys_of(*reader, change))) queue_.add(key);
  }
  position_ = changes->back().revision;
  return changes->size();
}

// One object that cannot be read must not keep all others from being looked at: its own step then fails, and
// says so.
Result<std::set<Key>> Manager::keys_of(const Reader& reader, const Change& change) {
  auto keys = changes_.keys_of(reader, change, touched_);
  if (keys || keys.error().retryable()) return keys;
  kLog.error(
      "change cannot be followed further than by its name",
      {{"key", change.key}, {"revision", std::to_string(change.revision)}, {"error", keys.error().message}});
  return ChangeMap::keys_by_name(change, touched_);
}

// All as of the reader: what was seen of it before says nothing about what changes from then on.
Result<> Manager::look_at_everything(const Reader& reader) {
  TRY(changes_.restore(reader, reader.revision()));
  TRY(find_everything(reader, [this](const Key& key) { queue_.add(key); }));
  position_ = reader.revision();
  return {};
}

Result<size_t> Manager::run_until_idle(size_t max_steps) {
  size_t steps = 0;
  for (;;) {
    const auto read = TRY(poll());
    bool ran = false;
    while (run_one(false)) {
      ran = true;
      if (++steps >= max_steps)
        return fail(Code::kInternal,
                    fmt::format("the controllers do not come to rest after {} steps", steps));
    }
    if (read == 0 && !ran && !TRY(search())) return steps;
  }
}

Result<bool> Manager::search() {
  const MutexLock lock(poll_mutex_);
  if (!search_) return false;
  const auto reader = TRY(store_.snapshot());
  if (!TRY(search_->next(*reader, [this](const Key& key) { queue_.add(key); }))) search_.reset();
  return true;
}

void Manager::start_after(Revision revision) {
  const MutexLock lock(poll_mutex_);
  position_ = revision;
}

Result<> Manager::resume() {
  const MutexLock lock(poll_mutex_);
  const auto reader = TRY(store_.snapshot());
  const auto noted = TRY(reader->get(kPositionKey));
  Revision from = 0;
  bool known = noted.has_value();
  if (known) {
    std::from_chars(noted->value.data(), noted->value.data() + noted->value.size(), from);
    // A restored store may be older than what was noted in it; and the log may have been compacted.
    known = from <= reader->revision() && store_.changes(from, 1).has_value();
  }
  if (known) {
    TRY(changes_.restore(*reader, from));
    TRY(find_listed(*reader, [this](const Key& key) { queue_.add(key); }));
    search_.emplace();
    position_ = from;
  } else {
    TRY(look_at_everything(*reader));
  }
  noted_ = known ? from : 0;
  return {};
}

void Manager::note_start() {
  // Where it cannot be written, nothing else can: what would go by it is not decided either.
  const auto noted = store_.transact([&](Txn& txn) { return note_heard_since(txn, clock_.wall()); });
  if (!noted) kLog.warn("the start could not be noted", {{"error", noted.error().message}});
}

// So that the next start need not look at everything: as far as all that followed from the changes is done,
// also while ever more come.
void Manager::note_position() {
  std::optional<Revision> done;
  {
    const MutexLock lock(poll_mutex_);
    if (position_ != marked_) {
      marks_.emplace_back(queue_.mark(), position_);
      marked_ = position_;
    }
    while (!marks_.empty() && queue_.passed(marks_.front().first)) {
      done = marks_.front().second;
      marks_.pop_front();
    }
    noted_at_ = clock_.mono();
    if (!done || *done == noted_) return;
  }
  const auto written = store_.transact([&](Txn& txn) -> Result<> {
    txn.put(kPositionKey, std::to_string(*done));
    return {};
  });
  if (!written) {
    kLog.warn("position could not be noted", {{"error", written.error().message}});
    return;
  }
  const MutexLock lock(poll_mutex_);
  noted_ = std::max(noted_, *done);
}

// When the position is to be noted; nothing: it is.
std::optional<MonoTime> Manager::note_due() {
  const MutexLock lock(poll_mutex_);
  if (position_ == noted_) return std::nullopt;
  return noted_at_ + options_.note_position_after;
}

void Manager::pause_after(std::string_view what, const Error& error) {
  kLog.error(what, {{"error", error.message}});
  MutexLock lock(mutex_);
  wake_.wait_for(lock, kStoreRetry, [this]() REQUIRES(mutex_) { return stopping_; });
}

bool Manager::turn() {
  const auto read = poll();
  if (!read) kLog.error("change log cannot be read", {{"error", read.error().message}});
  if (const auto due = note_due(); due && *due <= clock_.mono()) note_position();
  if (run_one(true) || (read && *read > 0)) return true;
  const auto searched = search();
  if (!searched)
    kLog.error("what was unfinished cannot be looked for", {{"error", searched.error().message}});
  return searched.value_or(false);
}

std::optional<MonoTime> Manager::next_due() {
  const auto note = note_due();
  const auto key = queue_.next_due();
  if (note && key) return std::min(*note, *key);
  return note ? note : key;
}

// Of the threads that have nothing to do, one waits for what is due next, and a commit wakes one: who then
// finds more than it can do itself wakes another.
void Manager::work() {
  for (;;) {
    bool news = false;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      news = std::exchange(polled_, signals_) != signals_;
    }
    if (news) {
      const auto read = poll();
      if (!read) {
        pause_after("change log cannot be read", read.error());
        const MutexLock lock(mutex_);
        --polled_;
        continue;
      }
      if (*read > 0) signal();  // there may be more
    }
    if (const auto due = note_due(); due && *due <= clock_.mono()) note_position();
    if (queue_.size() > 1 && queue_.ready()) wake_.notify_one();
    if (run_one(true)) continue;
    const auto searched = search();
    if (!searched) pause_after("what was unfinished cannot be looked for", searched.error());
    if (!searched || *searched) continue;

    const auto now = clock_.mono();
    auto due = now + kIdlePoll;
    if (const auto note = note_due()) due = std::min(due, *note);
    if (const auto next = queue_.next_due()) due = std::min(due, *next);
    MutexLock lock(mutex_);
    if (stopping_ || signals_ != polled_ || queue_.ready()) continue;
    if (waits_for_ && *waits_for_ <= due) {
      wake_.wait(lock);
      continue;
    }
    waits_for_ = due;
    wake_.wait_for(lock, std::max(due - now, Millis(1)));
    waits_for_.reset();
  }
}

void Manager::signal() {
  const MutexLock lock(mutex_);
  ++signals_;
  wake_.notify_one();
}

Result<> Manager::start() {
  note_start();
  TRY(resume());
  subscription_ = store_.subscribe([this](Revision) { signal(); });
  signal();
  for (size_t i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
  return {};
}

void Manager::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (threads_.empty()) return;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  subscription_.reset();
  note_position();
}

}  // namespace qleet::hub::controllers
