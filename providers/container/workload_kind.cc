// A Score workload: replicas of containers that share one network namespace each, replaced without a failed
// request, or, where two versions cannot run side by side, by stopping first.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "common/engine/start.h"
#include "common/model/image_name.h"
#include "common/model/reasons.h"
#include "common/model/service_name.h"
#include "common/template/replacement.h"
#include "providers/container/body.h"
#include "providers/container/ended.h"
#include "providers/container/images.h"
#include "providers/container/names.h"
#include "providers/container/replicas.h"
#include "providers/container/rollout.h"
#include "providers/container/start_order.h"
#include "providers/container/volume_paths.h"

namespace qleet::container {

namespace {

using State = Observation::State;

constexpr const char* kKind = "workload";
constexpr Millis kSoon{300};

// What is remembered between steps. An agent that restarts in the middle decides again from what is there.
struct Draining {
  std::uint64_t version = 0;  // of the set of endpoints without it
  MonoTime since;
};

class WorkloadHandler final : public Handler {
 public:
  WorkloadHandler(Context& context, EndpointBoard& board)
      : context_(context), board_(board), settled_(board.on_settled([this](const std::string& workload) {
          context_.notifier().notify(workload);
        })) {}

  Result<Observation> observe(const ProviderResource& resource) override;
  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override;
  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override;

 private:
  struct Scene {
    WorkloadSpec spec;
    std::string revision;
    std::string network;
    std::vector<Replica> replicas;
    std::vector<ReplicaView> views;
    std::vector<Move> moves;
    Update update = Update::kRolling;
    std::map<std::string, std::string> images;  // found out, where that is asked for
    bool resolving = false;                     // not all of them are run by their digests yet
  };

  Result<Scene> look(const ProviderResource& resource);
  bool same_content(const WorkloadSpec& spec, const containers::ContainerDetails& details);
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
  bool settled(const ProviderResource& resource, const Replica& replica, Millis longest);
  std::map<std::string, std::string> self_of(const ProviderResource& resource, const Scene& scene) const;
  static Counts count(const Scene& scene);
  void describe_pull(const Scene& scene, Observation& out) const;
  Observation describe(const ProviderResource& resource, const Scene& scene) const;

  std::string drain_key(const ProviderResource& resource, const Replica& replica) const {
    return resource.name + " " + replica.key();
  }

  Context& context_;
  EndpointBoard& board_;
  mutable std::mutex mutex_;
  std::map<std::string, Draining> draining_;
  std::map<std::string, MonoTime> removing_;  // when its removal was asked for last
  std::shared_ptr<void> settled_;             // last: told while the rest is there
};

// Every replica has the name by which others ask for it, whether somebody does or not.
std::vector<std::string> names_on_network(const ProviderResource& resource, const WorkloadSpec& spec) {
  std::vector<std::string> names{base_name(resource)};
  const auto add = [&](std::string name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  add(spec.hostname);
  if (!resource.application.empty() && !resource.environment.empty())
    add(model::service_hostname(resource.id, resource.application, resource.environment));
  return names;
}

// Also of a container that shares the network of one that does: its own says nothing.
bool answers_to(const containers::ContainerDetails& details, const std::string& network,
                const std::string& name) {
  if (details.network_mode.starts_with("container:")) return true;
  const auto endpoint = details.networks.find(network);
  return endpoint != details.networks.end() &&
         std::ranges::find(endpoint->second.aliases, name) != endpoint->second.aliases.end();
}

// One that ends before its replica has a network answers to no name.
bool has_own_network(const WorkloadSpec& spec, const containers::ContainerDetails& details) {
  const auto container =
      std::ranges::find(spec.containers, label(details.labels, labels::kContainer), &WorkloadContainer::name);
  return container != spec.containers.end() && container->own_network;
}

// The same template without the name, or with it: to be asked for, or no longer, replaces nothing.
google::protobuf::Struct with_other_name(const ProviderResource& resource, google::protobuf::Struct made_of,
                                         const WorkloadSpec& spec) {
  const auto score = made_of.mutable_fields()->find("score");
  if (score == made_of.mutable_fields()->end()) return made_of;
  auto& document = *score->second.mutable_struct_value()->mutable_fields();
  const auto service = document.find("service");
  if (service == document.end()) return made_of;
  auto& fields = *service->second.mutable_struct_value()->mutable_fields();
  if (spec.hostname.empty())
    fields["hostname"].set_string_value(
        model::service_hostname(resource.id, resource.application, resource.environment));
  else
    fields.erase("hostname");
  return made_of;
}

std::string waits_for_hub(const std::map<std::string, std::string>& images) {
  std::string found;
  for (const auto& [container, image] : images) {
    const auto name = model::split_image(image);
    found += (found.empty() ? "" : ", ") + name.repository + (name.tag.empty() ? "" : ":" + name.tag);
  }
  return found.empty() ? "waits for the hub to choose its images"
                       : fmt::format("waits for the hub to choose the image of {}", found);
}

bool WorkloadHandler::settled(const ProviderResource& resource, const Replica& replica, Millis longest) {
  Draining state;
  {
    const std::lock_guard lock(mutex_);
    const auto it = draining_.find(drain_key(resource, replica));
    if (it == draining_.end()) return false;
    state = it->second;
  }
  return board_.settled(resource.name, state.version) || context_.clock().mono() - state.since > longest;
}

Result<WorkloadHandler::Scene> WorkloadHandler::look(const ProviderResource& resource) {
  Scene scene;
  scene.spec = TRY(parse_workload(resource.template_, resource.id));
  scene.network = scene.spec.network.empty() ? network_name(resource.owner) : scene.spec.network;
  scene.revision = TRY(context_.revision_of(resource));
  // What was made by the same tags before their digests were known is not made anew, where it is the same
  // content; nor what was made when nobody asked for it by its name, where it has that name.
  const auto tags = by_tags(resource.template_);
  const auto other_name =
      TRY(context_.revision_of(with_other_name(resource, resource.template_, scene.spec)));
  std::set<std::string> by_tag;
  if (tags) {
    by_tag.insert(TRY(context_.revision_of(*tags)));
    by_tag.insert(TRY(context_.revision_of(with_other_name(resource, *tags, scene.spec))));
  }
  const auto as_before = [&](const containers::ContainerDetails& details) {
    const bool named = !scene.spec.hostname.empty() && !has_own_network(scene.spec, details);
    if (named && !answers_to(details, scene.network, scene.spec.hostname)) return false;
    const auto made_for = label(details.labels, labels::kRevision);
    return made_for == other_name || (by_tag.contains(made_for) && same_content(scene.spec, details));
  };
  scene.replicas =
      TRY(read_replicas(context_, resource, scene.revision, scene.spec, scene.network, as_before));
  scene.images = TRY(found_digests(context_, resource, scene.spec, scene.replicas));
  scene.resolving = !asked_for(resource, scene.spec).empty();
  for (const auto& replica : scene.replicas) {
    ReplicaView view{.index = replica.index,
                     .current = replica.current,
                     .ready = replica.ready,
                     .stopping = replica.stopping,
                     .broken = replica.broken};
    {
      const std::lock_guard lock(mutex_);
      view.draining = draining_.contains(drain_key(resource, replica));
    }
    view.settled = view.draining && (!replica.ready || settled(resource, replica, scene.spec.drain));
    scene.views.push_back(view);
  }
  if (templates::replacement_of(resource.template_).stops_first) scene.update = Update::kStopFirst;
  scene.moves = decide_moves(scene.views, scene.spec.replicas, scene.update);
  return scene;
}

bool WorkloadHandler::same_content(const WorkloadSpec& spec, const containers::ContainerDetails& details) {
  const auto wanted =
      std::ranges::find(spec.containers, label(details.labels, labels::kContainer), &WorkloadContainer::name);
  if (wanted == spec.containers.end()) return false;
  const auto image = find_image(context_.client(), wanted->process.image);
  // Where it is no longer here, nobody can tell, and what runs stays.
  if (!image || !*image) return true;
  const auto plain = [](const std::string& id) { return id.substr(id.find(':') + 1); };
  return plain((*image)->id) == plain(details.image_id);
}

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
    const std::lock_guard lock(mutex_);
    const auto it = removing_.find(resource.name);
    if (it != removing_.end() && context_.clock().mono() - it->second < kRemovalEnded) return;
  }
  board_.leave(resource.name, false);
}

std::map<std::string, std::string> WorkloadHandler::self_of(const ProviderResource& resource,
                                                            const Scene& scene) const {
  std::map<std::string, std::string> self{{"address", base_name(resource)}, {"network", scene.network}};
  if (!scene.spec.containers.empty()) self["image"] = scene.spec.containers.front().process.image;
  unsigned ready = 0;
  for (std::size_t i = 0; i < scene.replicas.size(); ++i) {
    if (!scene.replicas[i].ready || scene.views[i].draining) continue;
    ++ready;
    for (const auto& port : scene.replicas[i].spec.ports) {
      auto& list = self["endpoints." + port.name];
      list += fmt::format("{}{}:{}", list.empty() ? "" : ",", scene.replicas[i].ip, port.target);
    }
  }
  self["ready"] = std::to_string(ready);
  return self;
}

// Of an image that the wanted version needs: what its pull is at, or has ended with.
void WorkloadHandler::describe_pull(const Scene& scene, Observation& out) const {
  for (const auto& container : scene.spec.containers) {
    const auto pull = context_.jobs().look("pull " + container.process.image);
    if (pull.running) {
      out.reason = reasons::kCreating;
      out.message = fmt::format("pulling image {}", container.process.image);
      return;
    }
    if (pull.error) {
      out.reason = pull.error->reason;
      out.message = pull.error->message;
    }
  }
}

Counts WorkloadHandler::count(const Scene& scene) {
  Counts out{.replicas = scene.spec.replicas};
  for (std::size_t i = 0; i < scene.replicas.size(); ++i) {
    const auto& replica = scene.replicas[i];
    if (replica.ready && !scene.views[i].draining) ++out.ready;
    if (!replica.current) continue;
    for (const auto& part : replica.parts) out.restarts += part.restarts;
  }
  return out;
}

Observation WorkloadHandler::describe(const ProviderResource& resource, const Scene& scene) const {
  Observation out;
  out.counts = count(scene);
  const unsigned wanted = scene.spec.replicas;
  unsigned ready = 0;
  unsigned old = 0;
  const Replica* trouble = nullptr;
  for (const auto& replica : scene.replicas) {
    if (!replica.current) {
      ++old;
    } else if (replica.ready) {
      ++ready;
    } else {
      if (!trouble) trouble = &replica;
      out.stalled = out.stalled || std::ranges::any_of(replica.parts, [](const Part& part) {
                      return tried_in_vain(part.restarts, part.was_ready);
                    });
    }
  }
  out.updated = ready;
  if (scene.replicas.empty() && wanted > 0) {
    if (context_.mounts().has(base_name(resource))) out.state = State::kOutOfDate;  // its files still are
    describe_pull(scene, out);
    if (out.message.starts_with("pulling")) out.state = State::kProgressing;
    return out;
  }
  out.self = self_of(resource, scene);
  // One that is still kept from requests, after a removal that was taken back, is ready and does not serve.
  if (ready == wanted && old == 0 && scene.replicas.size() == wanted && scene.moves.empty()) {
    out.state = State::kReady;
    out.message = fmt::format("{} of {}", ready, wanted);
    return out;
  }
  out.reason = old > 0 ? reasons::kUpdating : reasons::kCreating;
  bool was_ready = false;  // the one that is in trouble
  Millis wait{0};
  if (trouble) {
    out.reason = trouble->reason;
    out.message = trouble->message;
    was_ready = std::ranges::all_of(trouble->parts, &Part::was_ready);
    for (const auto& part : trouble->parts) {
      wait = std::max(wait, context_.restarts().remaining(part.details.name));
    }
  } else {
    describe_pull(scene, out);
  }
  if (wanted > 1 || old > 0 || out.message.empty()) {
    std::string numbers = fmt::format("{} of {} replicas are up to date and ready", ready, wanted);
    if (old > 0) numbers += fmt::format(", {} of an older version still there", old);
    out.message = out.message.empty() ? numbers : numbers + "; " + out.message;
  }
  const bool only_mends =
      std::ranges::all_of(scene.moves, [](const Move& m) { return m.kind == MoveKind::kMend; });
  if (scene.moves.empty() || (only_mends && wait > Millis(0))) {
    // Nothing to do but wait: for a probe, for followers to let go, for the time of the next restart.
    out.state = was_ready && old == 0 ? State::kDegraded : State::kProgressing;
    out.recheck_after = wait > Millis(0) ? wait : Millis(2'000);
  } else {
    out.state = State::kOutOfDate;
  }
  return out;
}

Result<Observation> WorkloadHandler::observe(const ProviderResource& resource) {
  const Scene scene = TRY(look(resource));
  publish(resource, scene);
  stay_where_wanted(resource);
  Observation seen = describe(resource, scene);
  if (board_.leaving(resource.name)) seen.recheck_after = kSoon * 10;  // it may be wanted again
  if (!scene.resolving) return seen;
  seen.images = scene.images;
  const bool known = scene.images.size() == asked_for(resource, scene.spec).size();
  const bool only_creates =
      std::ranges::all_of(scene.moves, [](const Move& m) { return m.kind == MoveKind::kCreate; });
  if (known && only_creates && (seen.state == State::kAbsent || seen.state == State::kOutOfDate)) {
    seen.state = State::kProgressing;
    seen.reason = reasons::kResolvingImage;
    seen.message = waits_for_hub(scene.images);
  } else if (!known && seen.state == State::kReady) {
    seen.state = State::kOutOfDate;
    seen.reason = reasons::kResolvingImage;
    seen.message = "looking up what is behind its images' tags";
  }
  return seen;
}

Result<StepResult> WorkloadHandler::apply(const ProviderResource& resource, const Observation&) {
  Scene scene = TRY(look(resource));
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
  const Observation now = describe(resource, scene);
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
    case MoveKind::kKeep: {
      {
        const std::lock_guard lock(mutex_);
        draining_.erase(drain_key(resource, scene.replicas[move.view]));
      }
      scene.views[move.view].draining = false;
      publish(resource, scene);
      return {};
    }
    case MoveKind::kStop:
      result.recheck_after = kSoon;
      return stop(resource, scene.replicas[move.view].spec.grace, scene.replicas[move.view]);
  }
  return {};
}

void WorkloadHandler::drain(const ProviderResource& resource, const Scene& scene, const Replica& replica) {
  publish(resource, scene);
  const auto set = board_.get(resource.name);
  const std::lock_guard lock(mutex_);
  draining_[drain_key(resource, replica)] = {.version = set ? set->version : 0,
                                             .since = context_.clock().mono()};
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
  const std::lock_guard lock(mutex_);
  draining_.erase(drain_key(resource, replica));
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
    const std::lock_guard lock(mutex_);
    removing_[resource.name] = context_.clock().mono();
  }
  if (!board_.released(resource.name)) {
    if (const auto scene = look(resource)) publish(resource, *scene);
    return StepResult{.done = false,
                      .recheck_after = kSoon,
                      .message = "serves until those who take over its routes are ready"};
  }
  const WorkloadSpec empty{.drain = longest};
  const auto network = spec && !spec->network.empty() ? spec->network : network_name(resource.owner);
  const auto replicas = TRY(read_replicas(context_, resource, "", spec ? *spec : empty, network));
  const std::uint64_t version = board_.publish(resource.name, {});
  for (const auto& replica : replicas) {
    {
      const std::lock_guard lock(mutex_);
      draining_.try_emplace(drain_key(resource, replica), Draining{version, context_.clock().mono()});
    }
    if (replica.stopping || !replica.ready || settled(resource, replica, longest)) {
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
  const std::lock_guard lock(mutex_);
  removing_.erase(resource.name);
  std::erase_if(draining_, [&](const auto& entry) { return entry.first.starts_with(resource.name + " "); });
  return StepResult{.done = true};
}

}  // namespace

std::unique_ptr<Handler> make_workload(Context& context, EndpointBoard& board) {
  return std::make_unique<WorkloadHandler>(context, board);
}

}  // namespace qleet::container
