// Keys that want attention: each at most once, each by one worker at a time.
//
// A key that is added while it runs runs once more afterwards, so no change is lost. A key that failed comes
// back after a delay that doubles from `first_delay` to `last_delay` and is forgotten by success.
// Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::hub::controllers {

// kRegions has one key, without a name: which regions the environments have.
enum class Controller { kEnvironment, kRegions, kAgent, kApplication, kDeployment, kStatus, kUnused };

std::string_view name_of(Controller controller);

struct Key {
  Controller controller;
  std::string name;
  auto operator<=>(const Key&) const = default;
};

class WorkQueue {
 public:
  struct Options {
    Millis first_delay = Millis(200);
    Millis last_delay = std::chrono::minutes(1);
    // What runs at a time takes so long together, by what such keys took lately: a store has one writer, and
    // others want to write too. Of that kStatus so much. One may run in any case.
    std::chrono::microseconds at_once{25'000};
    std::chrono::microseconds status_at_once{5'000};
  };

  explicit WorkQueue(const Clock& clock) : WorkQueue(clock, Options()) {}
  WorkQueue(const Clock& clock, const Options& options) : clock_(clock), options_(options) {}

  // Now, in the order of adding.
  void add(const Key& key);
  // Then; the earliest of several times counts.
  void add_at(const Key& key, MonoTime when);

  // The next key that is due and not running; it counts as running until done. Of every four, three are
  // others than kStatus where there are others: what is to be done goes before what is to be told. Nothing
  // while enough is running.
  std::optional<Key> take();
  // It then rests so long: what is added meanwhile waits, and counts once. `spent`: what it took.
  void done(const Key& key, bool ok, Millis rest = Millis(0),
            std::optional<std::chrono::microseconds> spent = std::nullopt);

  // How far everything is done, while ever more is added: a mark stands for all that was added before it was
  // set.
  using Mark = std::uint64_t;
  Mark mark();
  bool passed(Mark mark) const;

  // When a delayed key becomes due; nullopt where there is none.
  std::optional<MonoTime> next_due() const;
  // Nothing is due, running, or to be tried again after a failure.
  bool settled() const;
  // Whether `take` has one.
  bool ready() const;
  size_t size() const;

 private:
  void promote() REQUIRES(mutex_);  // delayed keys that have become due, and rested ones
  void make_ready(const Key& key) REQUIRES(mutex_);
  void stamp(const Key& key, Mark mark) REQUIRES(mutex_);
  void unstamp(const Key& key) REQUIRES(mutex_);
  std::optional<Mark> take_again(const Key& key) REQUIRES(mutex_);
  bool fits(Controller controller) const REQUIRES(mutex_);
  struct Cost {
    std::chrono::microseconds usual{1'000};
    unsigned running = 0;
  };
  Cost& cost_of(Controller controller) REQUIRES(mutex_) { return costs_[static_cast<size_t>(controller)]; }

  const Clock& clock_;
  const Options options_;
  mutable Mutex mutex_;
  std::deque<Key> ready_ GUARDED_BY(mutex_);
  std::deque<Key> ready_status_ GUARDED_BY(mutex_);
  unsigned taken_ GUARDED_BY(mutex_) = 0;
  std::set<Key> waiting_ GUARDED_BY(mutex_);  // what is in ready_ and ready_status_
  std::set<Key> running_ GUARDED_BY(mutex_);
  std::array<Cost, static_cast<size_t>(Controller::kUnused) + 1> costs_ GUARDED_BY(mutex_);  // by controller
  std::set<Key> resting_ GUARDED_BY(mutex_);
  std::map<Key, Mark> again_ GUARDED_BY(mutex_);  // added while running or resting, and when
  // What is waiting, running or to be tried again after a failure: since when it has not been done.
  std::map<Key, Mark> stamps_ GUARDED_BY(mutex_);
  std::map<Mark, size_t> open_ GUARDED_BY(mutex_);  // how many of stamps_ and again_
  Mark now_ GUARDED_BY(mutex_) = 1;
  std::map<Key, MonoTime> delayed_ GUARDED_BY(mutex_);
  std::set<std::pair<MonoTime, Key>> by_time_ GUARDED_BY(mutex_);
  std::set<std::pair<MonoTime, Key>> rest_ends_ GUARDED_BY(mutex_);
  std::map<Key, unsigned> failures_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub::controllers
