// The agent's conversation with its hub: subscribes, syncs, takes deltas, reports, and shows that it lives.
//
// Everything happens in step(); messages from the bus's threads are queued for it. A session that cannot
// reach the hub goes on trying and changes nothing of what runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/link/log_server.h"
#include "agent/link/report_sender.h"
#include "agent/link/seams.h"
#include "agent/link/sync_client.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/loop/loop.h"
#include "common/loop/mailbox.h"
#include "common/random/random.h"
#include "common/sync/limits.h"
#include "common/thread/mutex.h"

namespace qleet::agent {

struct SessionOptions {
  std::string agent;
  std::string version;
  std::string boot_id;
  std::vector<std::string> providers;
  std::string enrolled_epoch;
  std::string box_key;  // qleet.v1.AgentSpec.box_key
  std::vector<qleet::v1::ProviderSchema> schemas;
  Millis heartbeat = sync::kHeartbeatEvery;
  sync::Backoff::Limits sync_backoff{Millis(1'000), Millis(60'000)};
  Millis batch_within{10'000};
  size_t manifest_bytes = 200 * 1024;
  Millis report_coalesce{10};
  size_t mailbox = 10'000;
};

// All must outlive the session. `logs` may be null: this agent has none.
struct SessionSeams {
  Bus& bus;
  const Clock& clock;
  qleet::Random& random;
  Desired& desired;
  Reports& reports;
  LogReader* logs = nullptr;
  // What keeps the agent from acting and reporting; empty: nothing. On the session's thread.
  std::function<std::string()> trouble = {};
};

// For people and tests.
struct SessionState {
  bool in_sync = false;
  std::string epoch;
  std::uint64_t position = 0;
  std::string refusal;
  std::vector<std::string> unclaimed;
  std::vector<std::string> kept;
  bool superseded = false;
};

class Session final : public Stepper {
 public:
  Session(SessionOptions options, SessionSeams seams);
  ~Session() override;

  // Reads the journal and subscribes; before the first step.
  Result<> start();
  MonoTime step() override;
  Wake& wake() { return wake_; }

  // Between steps, on their thread.
  SessionState state() const;
  const HeldTable& held() const { return sync_.held(); }
  bool idle() const { return sync_.in_sync() && sender_.idle(); }
  // Another process of this agent serves: nothing is to be done here until that has changed.
  bool superseded() const { return sync_.superseded(); }

 private:
  struct Incoming {
    enum class What { kDelta, kPoke, kAck, kCommand, kBatch, kConnected, kReport } what;
    std::string data;
    std::uint64_t number = 0;  // of the request that a batch answers
  };

  // on_state has no handle to end it: this stands between the bus and a session that may be gone.
  struct Guard {
    explicit Guard(Session* of) : session(of) {}
    Mutex mutex;
    Session* session GUARDED_BY(mutex);
  };

  void post(Incoming incoming);
  Result<> subscribe(std::string_view verb, Incoming::What what);
  void take(const Incoming& incoming, MonoTime now);
  void take_ack(const wire::v1::StatusAck& ack, MonoTime now);
  MonoTime beat_if_due(MonoTime now);

  const SessionOptions options_;
  SessionSeams seams_;
  Wake wake_;
  Mailbox<Incoming> mailbox_;
  SyncClient sync_;
  ReportSender sender_;
  std::unique_ptr<LogServer> log_server_;
  MonoTime next_beat_{};
  std::string trouble_;
  std::string shown_;  // what the last heartbeat said of trouble and epoch

  // Last: nothing is called back once they are gone.
  std::shared_ptr<Guard> guard_;
  std::vector<std::shared_ptr<void>> subscriptions_;
};
}  // namespace qleet::agent
