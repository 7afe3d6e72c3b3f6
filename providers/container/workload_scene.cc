#include "providers/container/workload_scene.h"

#include <algorithm>
#include <set>

#include "common/model/service_name.h"
#include "common/template/replacement.h"
#include "providers/container/images.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

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

bool same_content(Context& context, const WorkloadSpec& spec, const containers::ContainerDetails& details) {
  const auto wanted =
      std::ranges::find(spec.containers, label(details.labels, labels::kContainer), &WorkloadContainer::name);
  if (wanted == spec.containers.end()) return false;
  const auto image = find_image(context.client(), wanted->process.image);
  // Where it is no longer here, nobody can tell, and what runs stays.
  if (!image || !*image) return true;
  const auto plain = [](const std::string& id) { return id.substr(id.find(':') + 1); };
  return plain((*image)->id) == plain(details.image_id);
}

}  // namespace

void Drains::begin(const ProviderResource& resource, const Replica& replica, std::uint64_t version) {
  const MutexLock lock(mutex_);
  draining_.try_emplace(key_of(resource, replica), Draining{version, clock_.mono()});
}

void Drains::end(const ProviderResource& resource, const Replica& replica) {
  const MutexLock lock(mutex_);
  draining_.erase(key_of(resource, replica));
}

void Drains::end_all(const ProviderResource& resource) {
  const MutexLock lock(mutex_);
  std::erase_if(draining_, [&](const auto& entry) { return entry.first.starts_with(resource.name + " "); });
}

bool Drains::contains(const ProviderResource& resource, const Replica& replica) const {
  const MutexLock lock(mutex_);
  return draining_.contains(key_of(resource, replica));
}

bool Drains::settled(const ProviderResource& resource, const Replica& replica, Millis longest) const {
  Draining state;
  {
    const MutexLock lock(mutex_);
    const auto it = draining_.find(key_of(resource, replica));
    if (it == draining_.end()) return false;
    state = it->second;
  }
  return board_.settled(resource.name, state.version) || clock_.mono() - state.since > longest;
}

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

Result<WorkloadScene> read_scene(Context& context, const ProviderResource& resource, const Drains& drains) {
  WorkloadScene scene;
  scene.spec = TRY(parse_workload(resource.template_, resource.id));
  scene.network = scene.spec.network.empty() ? network_name(resource.owner) : scene.spec.network;
  scene.revision = TRY(context.revision_of(resource));
  // What was made by the same tags before their digests were known is not made anew, where it is the same
  // content; nor what was made when nobody asked for it by its name, where it has that name.
  const auto tags = by_tags(resource.template_);
  const auto other_name = TRY(context.revision_of(with_other_name(resource, resource.template_, scene.spec)));
  std::set<std::string> by_tag;
  if (tags) {
    by_tag.insert(TRY(context.revision_of(*tags)));
    by_tag.insert(TRY(context.revision_of(with_other_name(resource, *tags, scene.spec))));
  }
  const auto as_before = [&](const containers::ContainerDetails& details) {
    const bool named = !scene.spec.hostname.empty() && !has_own_network(scene.spec, details);
    if (named && !answers_to(details, scene.network, scene.spec.hostname)) return false;
    const auto made_for = label(details.labels, labels::kRevision);
    return made_for == other_name ||
           (by_tag.contains(made_for) && same_content(context, scene.spec, details));
  };
  scene.replicas =
      TRY(read_replicas(context, resource, scene.revision, scene.spec, scene.network, as_before));
  scene.images = TRY(found_digests(context, resource, scene.spec, scene.replicas));
  scene.resolving = !asked_for(resource, scene.spec).empty();
  for (const auto& replica : scene.replicas) {
    ReplicaView view{.index = replica.index,
                     .current = replica.current,
                     .ready = replica.ready,
                     .draining = drains.contains(resource, replica),
                     .stopping = replica.stopping,
                     .broken = replica.broken};
    view.settled = view.draining && (!replica.ready || drains.settled(resource, replica, scene.spec.drain));
    scene.views.push_back(view);
  }
  if (templates::replacement_of(resource.template_).stops_first) scene.update = Update::kStopFirst;
  scene.moves = decide_moves(scene.views, scene.spec.replicas, scene.update);
  return scene;
}

}  // namespace qleet::container
