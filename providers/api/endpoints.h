// Where the replicas of a workload can be reached, told by whoever runs them to whoever leads traffic to them
// on the same agent.
//
// A route cannot depend on its workload in the graph (the workload may ask for the route's URL), so the two
// meet here. It is also how a replica is drained without a failed request: it goes only once every follower
// has applied a set without it.
//
// A workload that is to be taken away says so first (leave) and goes on until its followers have released it:
// a route that somebody else takes over leads to the old one until the new one can serve.
//
// Rebuilt after a restart of the agent: nothing is known of a workload until it is published again, and
// "nothing known" (nullopt) is not "no endpoints": a follower keeps what it has.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet {

// Service port (as the workload declares it) -> where it can be reached.
struct Endpoint {
  std::string replica;  // stable name of the replica
  std::string ip;
  std::map<std::uint16_t, std::uint16_t> ports;  // service port -> port at ip
  bool operator==(const Endpoint&) const = default;
};

struct EndpointSet {
  std::uint64_t version = 0;
  std::vector<Endpoint> ready;  // sorted by replica
};

// Thread-safe.
class EndpointBoard {
 public:
  // The version under which the set stands; the same set again keeps its version.
  std::uint64_t publish(const std::string& workload, std::vector<Endpoint> ready);
  // The workload is gone for good.
  void withdraw(const std::string& workload);
  std::optional<EndpointSet> get(const std::string& workload) const;

  // The workload is to be taken away, or after all stays.
  void leave(const std::string& workload, bool leaving);
  bool leaving(const std::string& workload) const;
  // The follower no longer needs a workload that leaves.
  void release(const std::string& workload, const std::string& follower);
  // No follower needs it any longer. `changed` of on_settled is called when that may have become true.
  bool released(const std::string& workload) const;

  // `changed` is called (any thread, outside of the lock; must not block) when the set changes. The follower
  // counts in settled() until the handle is destroyed.
  [[nodiscard]] std::shared_ptr<void> follow(const std::string& workload, const std::string& follower,
                                             std::function<void()> changed);
  // The follower leads traffic according to `version` now.
  void applied(const std::string& workload, const std::string& follower, std::uint64_t version);
  // Every follower has applied `version` or a later one. `changed` of on_settled is called when that may have
  // become true.
  bool settled(const std::string& workload, std::uint64_t version) const;
  [[nodiscard]] std::shared_ptr<void> on_settled(std::function<void(const std::string& workload)> changed);

 private:
  struct Follower {
    std::function<void()> changed;
    std::uint64_t applied = 0;
    bool released = false;
  };
  struct Entry {
    std::optional<EndpointSet> set;
    bool leaving = false;
    std::map<std::string, Follower> followers;
  };
  void tell_settled(const std::string& workload);

  mutable Mutex mutex_;
  std::uint64_t last_version_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_listener_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::function<void(const std::string&)>> listeners_ GUARDED_BY(mutex_);
};

}  // namespace qleet
