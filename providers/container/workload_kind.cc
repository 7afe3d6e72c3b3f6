// A Score workload: replicas of containers that share one network namespace each, replaced without a failed
// request, or, where two versions cannot run side by side, by stopping first.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "common/engine/start.h"
#include "common/model/reasons.h"
#include "common/thread/mutex.h"
#include "providers/container/body.h"
#include "providers/container/ended.h"
#include "providers/container/images.h"
#include "providers/container/names.h"
#include "providers/container/replicas.h"
#include "providers/container/start_order.h"
#include "providers/container/volume_paths.h"
#include "providers/container/workload_scene.h"
#include "providers/container/workload_status.h"

namespace qleet::container {

namespace {

using State = Observation::State;

constexpr const char* kKind = "workload";
constexpr Millis kSoon{300};

class WorkloadHandler final : public Handler {
 public:
  WorkloadHandler(Context& context, EndpointBoard& board)
      : context_(context),
        board_(board),
        drains_(context.clock(), board),
        settled_(
            board.on_settled([this](const std::string& workload) { context_.notifier().notify(workload); })) {
  }

  Result<Observation> observe(const ProviderResource& resource) override;
  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override;
  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override;

 private:
  using Scene = WorkloadScene;

  void publish(const ProviderResource& resource, const Scene& scene);
  void stay_where_wanted(const ProviderResource& resource);
  Result<> act(const ProviderResource& resource, Scene& scene, const Move& move, StepResult& result);
  // What the containers are made of, by name; nothing while that is on its way.
  using Images = std::map<std::string, std::string>;
  Result<std::optional<Images>> can_create(const ProviderResource& resource, const Scene& scene,
                                           StepResult& result);
  Result<bool> resolve(const ProviderResource& resource, const Scene& scene, StepResult& result);
  Result<> create(const ProviderResource& resource, const Scene& scene, unsigned index, StepResult& result);
  Result<> create_part(const ProviderResource& resource, const Scene& scene, unsigned index,
                       const WorkloadContainer& container);
  Result<> start_part(const ProviderResource& resource, const std::string& name, const std::string& part,
                      const ProcessSpec& process, StepResult& result);
  Result<> mend(const ProviderResource& resource, const Scene& scene, const Replica& replica,
                StepResult& result);
  Result<> stop(const ProviderResource& resource, Millis grace, const Replica& replica);
  void drain(const ProviderResource& resource, const Scene& scene, const Replica& replica);

  Context& context_;
  EndpointBoard& board_;
  Drains drains_;
  Mutex mutex_;
  std::map<std::string, MonoTime> removing_ GUARDED_BY(mutex_);  // when its removal was asked for last
  std::shared_ptr<void> settled_ GUARDED_BY(mutex_);             // last: told while the rest is there
};

void WorkloadHandler::publish(const ProviderResource& resource, const Scene& scene) {
  std::vector<Endpoint> ready;
  for (std::size_t i = 0; i < scene.replicas.size(); ++i) {
    const auto& replica = scene.replicas[i];
    if (!replica.ready || scene.views[i].draining) continue;
    Endpoint endpoint{.replica = replica.key(), .ip = replica.ip};
    // Routes lead TCP; a number may be in use for both.
    for (const auto& port : replica.spec.ports) {
      if (port.protocol == "tcp") endpoint.ports[port.port] = port.target;
    }
    ready.push_back(std::move(endpoint));
  }
  board_.publish(resource.name, std::move(ready));
}

// A removal is asked for again and again. Where that has ended, it is wanted after all.
void WorkloadHandler::stay_where_wanted(const ProviderResource& resource) {
  constexpr Millis kRemovalEnded{2'000};
  if (!board_.leaving(resource.name)) return;
  {
    const MutexLock lock(mutex_);
    const auto it = removing_.find(resource.name);
    if (it != removing_.end() && context_.clock().mono() - it->second < kRemovalEnded) return;
  }
  board_.leave(resource.name, false);
}

Result<Observation> WorkloadHandler::observe(const ProviderResource& resource) {
  const Scene scene = TRY(read_scene(context_, resource, drains_));
  publish(resource, scene);
  stay_where_wanted(resource);
  Observation seen = describe(context_, resource, scene);
  if (board_.leaving(resource.name)) seen.recheck_after = kSoon * 10;  // it may be wanted again
  tell_images(resource, scene, seen);
  return seen;
}

Result<StepResult> WorkloadHandler::apply(const ProviderResource& resource, const Observation&) {
  Scene scene = TRY(read_scene(context_, resource, drains_));
  publish(resource, scene);
  board_.leave(resource.name, false);  // wanted again
  StepResult result;
  if (scene.moves.empty() && !TRY(resolve(resource, scene, result))) return result;
  if (scene.update == Update::kStopFirst && takes_down_old(scene.views, scene.moves)) {
    // Before an old one goes, so that what cannot be made does not take down what works.
    if (!TRY(can_create(resource, scene, result))) return result;
  }
  // Replicas that nobody waits for must not be held up by one that cannot be made.
  std::optional<Error> first;
  for (const auto& move : scene.moves) {
    auto done = act(resource, scene, move, result);
    if (!done && !first) first = std::move(done).error();
  }
  if (first) return std::unexpected(std::move(*first));
  const Observation now = describe(context_, resource, scene);
  result.done = scene.moves.empty() && now.state == State::kReady;
  if (result.done) context_.mounts().keep_note(base_name(resource), scene.revision);
  if (scene.moves.empty() && !result.done) result.recheck_after = now.recheck_after;
  if (result.message.empty()) result.message = now.message;
  return result;
}

Result<> WorkloadHandler::act(const ProviderResource& resource, Scene& scene, const Move& move,
                              StepResult& result) {
  switch (move.kind) {
    case MoveKind::kCreate:
      return create(resource, scene, move.index, result);
    case MoveKind::kMend:
      return mend(resource, scene, scene.replicas[move.view], result);
    case MoveKind::kDrain:
      scene.views[move.view].draining = true;
      drain(resource, scene, scene.replicas[move.view]);
      return {};
    case MoveKind::kKeep:
      drains_.end(resource, scene.replicas[move.view]);
      scene.views[move.view].draining = false;
      publish(resource, scene);
      return {};
    case MoveKind::kStop:
      result.recheck_after = kSoon;
      return stop(resource, scene.replicas[move.view].spec.grace, scene.replicas[move.view]);
  }
  return {};
}

void WorkloadHandler::drain(const ProviderResource& resource, const Scene& scene, const Replica& replica) {
  publish(resource, scene);
  const auto set = board_.get(resource.name);
  drains_.begin(resource, replica, set ? set->version : 0);
}

Result<> WorkloadHandler::stop(const ProviderResource& resource, Millis grace, const Replica& replica) {
  bool gone = true;
  // Those that share the first one's network go before it.
  for (auto part = replica.parts.rbegin(); part != replica.parts.rend(); ++part) {
    gone = TRY(context_.take_away(part->details.id, grace, resource.name)) && gone;
  }
  if (!gone) return {};
  for (const auto& part : replica.parts) {
    const auto files = part_of(replica.revision, replica.index, part.name);
    TRY(context_.mounts().remove(base_name(resource), files));
    clear_paths(context_, base_name(resource), files);
    context_.restarts().forget(part.details.name);
  }
  drains_.end(resource, replica);
  return {};
}

// A step towards the digests of its images; true once there is nothing to be found out any more.
Result<bool> WorkloadHandler::resolve(const ProviderResource& resource, const Scene& scene,
                                      StepResult& result) {
  if (!scene.resolving) return true;
  result.recheck_after = Millis(2'000);
  const auto step = TRY(look_up(context_, resource, scene.spec));
  result.message = step ? *step : waits_for_hub(scene.images);
  return false;
}

Result<std::optional<WorkloadHandler::Images>> WorkloadHandler::can_create(const ProviderResource& resource,
                                                                           const Scene& scene,
                                                                           StepResult& result) {
  // Nothing is begun by a tag: other regions, or the next replica, may find something else behind it.
  if (!TRY(resolve(resource, scene, result))) return std::nullopt;
  Images images;
  for (const auto& container : scene.spec.containers) {
    auto content = TRY(ensure_content(context_, container.process.image, resource.name));
    if (content.pulling) {
      result.message = *content.pulling;
      result.recheck_after = Millis(5'000);
      return std::nullopt;
    }
    images[container.name] = std::move(content.name);
  }
  for (const auto& container : scene.spec.containers)
    TRY(check_volumes(context_, resource, container.process));
  return images;
}

Result<> WorkloadHandler::create(const ProviderResource& resource, const Scene& scene, unsigned index,
                                 StepResult& result) {
  const auto images = TRY(can_create(resource, scene, result));
  if (!images) return {};
  if (scene.spec.network.empty()) {
    TRY(context_.ensure_network(resource.owner, "", {{labels::kOwner, resource.owner}}));
  }
  TRY(remember_version(context_, resource, scene.revision));
  std::vector<PartView> started;
  for (auto container : scene.spec.containers) {
    container.process.image = images->at(container.name);
    TRY(create_part(resource, scene, index, container));
  }
  // Those that wait for another one start as soon as that is as far: as what is broken is mended.
  for (const auto& container : scene.spec.containers) {
    if (!waits_for(scene.spec, container, started).empty()) continue;
    TRY(start_part(resource, replica_name(resource, scene.revision, index, container.name),
                   part_of(scene.revision, index, container.name), container.process, result));
    started.push_back({.name = container.name, .running = true});
  }
  return {};
}

Result<> WorkloadHandler::create_part(const ProviderResource& resource, const Scene& scene, unsigned index,
                                      const WorkloadContainer& container) {
  const std::string name = replica_name(resource, scene.revision, index, container.name);
  const std::string& first = scene.spec.containers.front().name;
  Placement placement;
  placement.labels = ownership(resource, kKind);
  placement.labels[labels::kRevision] = scene.revision;
  placement.labels[labels::kReplica] = std::to_string(index);
  placement.labels[labels::kContainer] = container.name;
  placement.limits = context_.limits();
  if (container.name == first) {
    placement.network = scene.network;
    placement.aliases = names_on_network(resource, scene.spec);
    placement.hostname = host_name(scene.spec.name, index);
    for (const auto& port : scene.spec.ports)
      placement.ports.push_back({.container = port.target, .protocol = port.protocol});
  } else if (container.own_network) {
    placement.network = scene.network;
    placement.hostname = host_name(scene.spec.name, index);
  } else {
    placement.network = "container:" + replica_name(resource, scene.revision, index, first);
  }
  const auto part = part_of(scene.revision, index, container.name);
  placement.binds = TRY(context_.mounts().write(base_name(resource), part, container.process));
  placement.mounts = TRY(prepare_paths(context_, base_name(resource), part, container.process));
  const auto created = context_.client().create_container(name, create_body(container.process, placement));
  if (created || created.error().code == Code::kExists) return {};
  return std::unexpected(created.error());
}

Result<> WorkloadHandler::start_part(const ProviderResource& resource, const std::string& name,
                                     const std::string& part, const ProcessSpec& process,
                                     StepResult& result) {
  context_.notifier().knows(name, resource.name);
  TRY(context_.hand_over_files(name, base_name(resource), part, process));
  const auto shown = TRY(show_paths(context_, base_name(resource), part, process));
  auto started = containers::start_or_discard(context_.client(), name);
  if (started) return {};
  Error error = std::move(started).error();
  const bool ours = !process.nofile && !process.nproc;
  if (error.reason == reasons::kLimitRefused && ours && context_.lower_limits(context_.limits())) {
    result.message = "trying lower limits on open files and processes";
    return context_.client().remove(name);
  }
  return std::unexpected(std::move(error));
}

Result<> WorkloadHandler::mend(const ProviderResource& resource, const Scene& scene, const Replica& replica,
                               StepResult& result) {
  const bool whole = replica.parts.size() == scene.spec.containers.size();
  const bool detached = replica.ip.empty() && whole && replica.parts.front().details.running();
  if (!whole || detached) {
    // Made again from the start: what is missing may be whose network the others share. Where that cannot be
    // now, what is left of it goes on.
    if (!TRY(can_create(resource, scene, result))) return {};
    for (const auto& part : replica.parts) TRY(context_.client().remove(part.details.id));
    return create(resource, scene, replica.index, result);
  }
  for (const auto& part : replica.parts) {
    const auto& details = part.details;
    const auto& container = *std::ranges::find(scene.spec.containers, part.name, &WorkloadContainer::name);
    const auto& process = container.process;
    if (details.state == "paused") {
      TRY(context_.client().unpause(details.id));
      continue;
    }
    const bool dead = !details.running() && !(container.one_shot && ended_well(details));
    if (dead && !waits_for(scene.spec, container, views_of(replica)).empty()) continue;
    const bool hangs = details.running() && !part.liveness.ok && part.liveness.ever_ok;
    const bool lost = cut_off(part, replica.parts.front());
    if (!dead && !hangs && !lost) continue;
    const bool never_started =
        details.state == "created" || details.state == "initialized" || details.state == "configured";
    if (!never_started && !lost) {
      const Millis wait = context_.restarts().remaining(details.name);
      if (wait > Millis(0)) {
        result.recheck_after = std::min(result.recheck_after.value_or(wait), wait);
        continue;
      }
      context_.restarts().note(details.name);
    }
    if (hangs || lost) TRY(context_.client().stop(details.id, std::min(scene.spec.grace, Millis(5'000))));
    const std::string files = part_of(replica.revision, replica.index, part.name);
    TRY(context_.mounts().write(base_name(resource), files, process));
    TRY(start_part(resource, details.name, files, process, result));
    if (!never_started && !lost) note_restart(context_.mounts(), base_name(resource), files, details);
  }
  return {};
}

Result<StepResult> WorkloadHandler::remove(const ProviderResource& resource, const Observation&) {
  const auto spec = parse_workload(resource.template_, resource.id);
  const Millis grace = spec ? spec->grace : Millis(10'000);
  const Millis longest = spec ? spec->drain : Millis(10'000);
  // It goes on where a route still leads to it that somebody else takes over.
  board_.leave(resource.name, true);
  {
    const MutexLock lock(mutex_);
    removing_[resource.name] = context_.clock().mono();
  }
  if (!board_.released(resource.name)) {
    if (const auto scene = read_scene(context_, resource, drains_)) publish(resource, *scene);
    return StepResult{.done = false,
                      .recheck_after = kSoon,
                      .message = "serves until those who take over its routes are ready"};
  }
  const WorkloadSpec empty{.drain = longest};
  const auto network = spec && !spec->network.empty() ? spec->network : network_name(resource.owner);
  const auto replicas = TRY(read_replicas(context_, resource, "", spec ? *spec : empty, network));
  const std::uint64_t version = board_.publish(resource.name, {});
  for (const auto& replica : replicas) {
    drains_.begin(resource, replica, version);
    if (replica.stopping || !replica.ready || drains_.settled(resource, replica, longest)) {
      TRY(stop(resource, grace, replica));
    }
  }
  if (!TRY(context_.client().list(selector(resource))).empty()) {
    return StepResult{.done = false, .recheck_after = kSoon, .message = "stopping replicas"};
  }
  context_.prober().keep_only(resource.name, {});
  context_.look_ups()->forget(resource.name);
  TRY(context_.mounts().remove_all(base_name(resource)));
  clear_all_paths(context_, base_name(resource));
  board_.withdraw(resource.name);
  context_.notifier().forget(resource.name);
  drains_.end_all(resource);
  const MutexLock lock(mutex_);
  removing_.erase(resource.name);
  return StepResult{.done = true};
}

}  // namespace

std::unique_ptr<Handler> make_workload(Context& context, EndpointBoard& board) {
  return std::make_unique<WorkloadHandler>(context, board);
}

}  // namespace qleet::container
