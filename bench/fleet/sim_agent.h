// One simulated agent: the product's own engine, session and journal on a disk, a connection and an identity
// of its own; what it makes true is counted and nothing else. Many of them share one thread.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "agent/assembly/agent.h"
#include "agent/journal/lmdb_journal.h"
#include "bench/fleet/counts.h"
#include "common/bus/light_nats_bus.h"
#include "common/crypto/sealed.h"
#include "common/loop/io_loop.h"
#include "qleet/agent/v1/identity.pb.h"

namespace qleet::bench {

// What all agents of a process share.
struct SimShared {
  IoLoop& loop;
  const Clock& clock;
  crypto::Random& secrets;
  qleet::Random& jitter;
  const crypto::Sealer& sealer;
  std::shared_ptr<const TlsTrust> trust;
  Counts& counts;
  std::string journals;  // folder
  Millis heartbeat;
};

// Runs a provider's steps at once, on the caller's thread.
class InlineExecutor final : public agent::Executor {
 public:
  void run(std::function<void()> work) override { work(); }
};

class CountingProvider;

// Everything on the loop's thread.
class SimAgent {
 public:
  SimAgent(SimShared& shared, agent::v1::Identity identity, std::string seed);
  ~SimAgent();
  SimAgent(const SimAgent&) = delete;
  SimAgent& operator=(const SimAgent&) = delete;

  void connect();

 private:
  void wake();
  void step();
  void count();

  SimShared& shared_;
  const agent::v1::Identity identity_;
  std::string seed_;
  InlineExecutor executor_;
  std::unique_ptr<agent::LmdbJournal> journal_;
  std::shared_ptr<CountingProvider> provider_;
  std::unique_ptr<LightNatsBus> bus_;
  std::unique_ptr<agent::Agent> agent_;
  std::atomic<bool> woken_ = false;
  IoLoop::TimerId timer_ = 0;
  MonoTime timer_at_{};

  // Last counted.
  bool connected_ = false;
  bool in_sync_ = false;
  bool settled_ = false;
  std::uint64_t held_ = 0;
};

}  // namespace qleet::bench
