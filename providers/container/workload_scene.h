// What there is of a Score workload on this host, beside what is wanted, and the moves between the two.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"
#include "providers/api/endpoints.h"
#include "providers/container/replicas.h"
#include "providers/container/rollout.h"

namespace qleet::container {

// Replicas that get no new requests, and whether those who lead requests have let go of them. An agent that
// restarts decides again from what is there. Thread-safe.
class Drains {
 public:
  Drains(const Clock& clock, const EndpointBoard& board) : clock_(clock), board_(board) {}

  // `version`: of the set of endpoints without it. One that drains already goes on.
  void begin(const ProviderResource& resource, const Replica& replica, std::uint64_t version);
  void end(const ProviderResource& resource, const Replica& replica);
  void end_all(const ProviderResource& resource);

  bool contains(const ProviderResource& resource, const Replica& replica) const;
  // Nobody leads requests to it any more, or it has drained for longer than `longest`.
  bool settled(const ProviderResource& resource, const Replica& replica, Millis longest) const;

 private:
  struct Draining {
    std::uint64_t version = 0;
    MonoTime since;
  };
  static std::string key_of(const ProviderResource& resource, const Replica& replica) {
    return resource.name + " " + replica.key();
  }

  const Clock& clock_;
  const EndpointBoard& board_;
  mutable Mutex mutex_;
  std::map<std::string, Draining> draining_ GUARDED_BY(mutex_);
};

struct WorkloadScene {
  WorkloadSpec spec;
  std::string revision;
  std::string network;
  std::vector<Replica> replicas;
  std::vector<ReplicaView> views;  // of each replica
  std::vector<Move> moves;
  Update update = Update::kRolling;
  std::map<std::string, std::string> images;  // found out, where that is asked for
  bool resolving = false;                     // not all of them are run by their digests yet
};

// Changes nothing but what the prober asks.
Result<WorkloadScene> read_scene(Context& context, const ProviderResource& resource, const Drains& drains);

// The names by which others reach a replica; it has them whether somebody asks or not.
std::vector<std::string> names_on_network(const ProviderResource& resource, const WorkloadSpec& spec);

}  // namespace qleet::container
