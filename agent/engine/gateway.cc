#include "agent/engine/gateway.h"

#include <future>
#include <memory>
#include <utility>

namespace qleet::agent {

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

Result<> EngineGateway::read(const Request& request,
                             const std::function<bool(std::string_view, std::string_view)>& sink) {
  Result<Engine::Handle> handle;
  TRY(on_owner([&] { handle = engine_.handle(request.resource); }));
  if (!handle) return std::unexpected(std::move(handle).error());
  return handle->provider->logs(handle->resource, request.follow, request.tail, [&](LogLine line) {
    // A source is <replica>/<container>, or one of both. Empty data only asks whether to go on.
    const bool wanted = line.data.empty() || request.container.empty() || line.source == request.container ||
                        line.source.ends_with("/" + request.container);
    return !wanted || sink(line.source, line.data);
  });
}

}  // namespace qleet::agent
