// The world of the no-op provider: what it "made". Outlives providers, so that a crash of one can be played;
// with a file it outlives the process, and <file>.history tells everything that was ever made and removed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"

namespace qleet::noop {

// One thing that exists.
struct Thing {
  std::string owner;
  std::string name;
  std::string hash;
  std::map<std::string, std::string> self;
  WallTime ready_at{};           // it is on its way until then
  WallTime absent_at{};          // being removed; epoch: not
  std::uint64_t changes = 0;     // times that it was made or changed
  std::uint64_t steps = 0;       // of a change that needs several
  std::uint32_t generation = 0;  // of the resource, when it was made or changed
  bool degraded = false;
};

// Thread-safe.
class World {
 public:
  World() = default;
  // Reads `file` where it exists, and keeps it up to date. Each change is also one line of JSON in
  // <file>.history, before it happens: {"event": "put" | "gone", thing}. kInternal where it cannot be read.
  static Result<std::shared_ptr<World>> in_file(const std::string& file);

  std::optional<Thing> find(const std::string& owner, const std::string& name) const;
  std::vector<Thing> things() const;
  Result<> put(Thing thing);
  // `generation`: of the statement that asked for it; 0: none did.
  Result<> erase(const std::string& owner, const std::string& name, std::uint32_t generation = 0);
  // As someone else would, without the provider: watchers are told.
  Result<> meddle(const std::string& owner, const std::string& name,
                  const std::function<void(Thing&)>& change);
  Result<> vanish(const std::string& owner, const std::string& name);

  std::uint64_t count_apply(const std::string& name);
  std::uint64_t applies(const std::string& name) const;

  // Called with the names of things that changed, until the handle is destroyed.
  std::shared_ptr<void> watch(std::function<void(std::string)> changed);

 private:
  using Key = std::pair<std::string, std::string>;
  Result<> save(const std::map<Key, Thing>& things) const;
  Result<> note(const char* event, const Thing& thing) const;
  void tell(const std::string& name);

  std::string file_;
  mutable Mutex mutex_;
  std::map<Key, Thing> things_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> applies_ GUARDED_BY(mutex_);
  Mutex watchers_mutex_;  // held while they run
  std::map<std::uint64_t, std::function<void(std::string)>> watchers_ GUARDED_BY(watchers_mutex_);
  std::uint64_t next_watcher_ GUARDED_BY(watchers_mutex_) = 1;
};

}  // namespace qleet::noop
