#include "agent/engine/gateway.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace qleet::agent {
namespace {

constexpr std::chrono::seconds kLongestWait{3};
// Whether what is followed is still wanted here.
constexpr std::chrono::seconds kLookAgain{3};

}  // namespace

Result<> EngineGateway::on_owner(std::function<void()> function) {
  if (caller_ == Caller::kOwnerThread) {
    function();
    return {};
  }
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  const bool taken = engine_.call([function = std::move(function), done = std::move(done)] {
    function();
    done->set_value();
  });
  const auto closing = fail(Code::kUnavailable, "the agent is stopping");
  if (!taken) return closing;
  try {
    ended.get();
  } catch (const std::future_error&) {  // dropped unrun
    return closing;
  }
  return {};
}

Result<Holding> EngineGateway::holding() {
  Holding holding;
  TRY(on_owner([&] { holding = engine_.holding(); }));
  return holding;
}

Result<> EngineGateway::commit(const DesiredChange& change) {
  Result<> result;
  TRY(on_owner([&] { result = engine_.apply_desired(change); }));
  return result;
}

// Not longer than a moment: whoever ends the agent waits for the threads that ask for logs.
Result<Engine::Handle> EngineGateway::find(const std::string& resource) {
  if (caller_ == Caller::kOwnerThread) return engine_.handle(resource);
  auto answer = std::make_shared<std::promise<Result<Engine::Handle>>>();
  auto found = answer->get_future();
  const bool taken = engine_.call([&engine = engine_, resource, answer = std::move(answer)] {
    answer->set_value(engine.handle(resource));
  });
  try {
    if (taken && found.wait_for(kLongestWait) == std::future_status::ready) return found.get();
  } catch (const std::future_error&) {
  }
  return fail(Code::kUnavailable, "the agent is busy or stopping: try again");
}

Result<> EngineGateway::read(const Request& request, const std::function<bool(const LogLine&)>& sink) {
  const auto handle = TRY(find(request.resource));
  auto looked = std::chrono::steady_clock::now();
  return handle.provider->logs(handle.resource, request.wish, [&](const LogLine& line) {
    if (line.source.empty()) {
      const auto now = std::chrono::steady_clock::now();
      if (now - looked > kLookAgain) {
        looked = now;
        const auto still = find(request.resource);
        if (!still && still.error().code == Code::kNotFound) return false;
      }
      return sink(line);
    }
    // A source is <replica>/<container>, or one of both.
    const bool wanted = request.container.empty() || line.source == request.container ||
                        line.source.ends_with("/" + request.container);
    return !wanted || sink(line);
  });
}

}  // namespace qleet::agent
