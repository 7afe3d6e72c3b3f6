// Repeats checks in the background and says when an answer changes: quickly until the first success, then at
// the check's own interval.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"
#include "providers/container/probe.h"
#include "providers/container/template.h"

namespace qleet::container {

struct Health {
  bool ok = false;
  bool ever_ok = false;
  unsigned failures = 0;  // in a row
  std::string message;    // of the last failure
  bool refused = false;   // it said that the credentials are refused
  bool answered = false;  // since it was started: a failure that is an answer, not that nothing answers
};

struct ProbeTarget {
  std::string resource;
  std::string container;
  std::string address;
  CheckSpec check;
};

// Thread-safe.
class Prober {
 public:
  using Run = std::function<ProbeResult(const ProbeTarget&)>;
  Prober(Run run, std::function<void(const std::string& resource)> changed);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // `key` stands for one life of one container. The first call checks at once, on the caller's thread, so
  // that an agent that has just started knows before it answers; then it goes on in the background.
  Health ask(const std::string& key, const ProbeTarget& target);
  // Keeps, of the checks of a resource, those whose key is in `keys`.
  void keep_only(const std::string& resource, const std::vector<std::string>& keys);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    ProbeTarget target;
    Health health;
    Time due;
    unsigned quick_looks = 0;  // that failed, before any success
    bool running = false;
  };
  void work();
  // True when the answer has changed.
  static bool take(Entry& entry, ProbeResult result);
  static Millis pause(const Entry& entry);

  Run run_;
  std::function<void(const std::string&)> changed_;
  Mutex mutex_;
  Condition wake_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace qleet::container
