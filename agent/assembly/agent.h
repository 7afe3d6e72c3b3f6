// The agent, put together: engine and session on one thread, over a journal, a bus and providers that main.cc
// names.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/engine/executor.h"
#include "agent/engine/gateway.h"
#include "agent/journal/journal.h"
#include "agent/link/session.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/crypto/sealed_box.h"
#include "common/crypto/token.h"
#include "common/loop/loop.h"
#include "common/random/random.h"

namespace qleet::agent {

struct AgentOptions {
  std::string name;
  std::string owner;           // the mark on what its providers make
  std::string enrolled_epoch;  // of the hub that it was enrolled with
  Millis heartbeat = sync::kHeartbeatEvery;
  std::vector<std::string> provider_names;  // told to the hub
  crypto::BoxKeyPair box = {};              // values of secrets are sealed to it; empty: none are taken
};

// All must outlive the agent.
struct AgentSeams {
  Journal& journal;
  Bus& bus;
  const Clock& clock;
  crypto::Random& secrets;
  qleet::Random& jitter;
  Executor& executor;
  std::map<std::string, std::shared_ptr<Provider>> providers;
  StepEnded step_ended = {};
};

class Agent final : public Stepper {
 public:
  // Reads the journal; touches nothing before the first step. Works without the hub.
  static Result<std::unique_ptr<Agent>> open(AgentOptions options, AgentSeams seams);
  ~Agent() override;

  MonoTime step() override;
  Wake& wake() { return wake_; }
  const Engine& engine() const { return *engine_; }
  const Session& session() const { return *session_; }

 private:
  Agent() = default;

  Wake wake_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<EngineGateway> desired_;  // used on the agent's thread
  std::unique_ptr<EngineGateway> logs_;     // used on the log streams' threads
  std::unique_ptr<Session> session_;
};

}  // namespace qleet::agent
