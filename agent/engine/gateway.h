// The engine as the session with the hub sees it, from a thread of its own.
#pragma once

#include <functional>

#include "agent/engine/engine.h"
#include "agent/link/seams.h"

namespace qleet::agent {

// Each call of Desired runs on the engine's owner thread, and waits for it. So end the session before the
// thread that steps the engine, and the engine last. `engine` must outlive it.
class EngineGateway final : public Desired, public LogReader {
 public:
  enum class Caller {
    kOtherThread,  // the engine is stepped by another thread
    kOwnerThread,  // a simulation steps session and engine on one thread
  };
  EngineGateway(Engine& engine, Caller caller) : engine_(engine), caller_(caller) {}

  Result<Holding> holding() override;
  Result<> commit(const DesiredChange& change) override;
  Result<> read(const Request& request, const std::function<bool(const LogLine&)>& sink) override;

 private:
  Result<Engine::Handle> find(const std::string& resource);
  // kUnavailable: the engine is closing.
  Result<> on_owner(std::function<void()> function);

  Engine& engine_;
  const Caller caller_;
};

}  // namespace qleet::agent
