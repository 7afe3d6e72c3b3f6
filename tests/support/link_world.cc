#include "tests/support/link_world.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::testing {
namespace {

namespace keys = hub::keys;
namespace objects = hub::objects;

constexpr const char* kEnrolledEpoch = "e1";

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

hub::Random uids() {
  static std::uint64_t next = 1;
  return [] { return next++; };
}

std::string region_of(const std::string& name) { return name.substr(0, name.find('.')); }

// As controllers do it: the position moves with the generation.
Result<> move_position(hub::Txn& txn, const std::string& region, const std::string& name, bool erase) {
  if (const auto old = TRY(txn.get(keys::region_at(name)))) {
    std::uint64_t revision = 0;
    std::from_chars(old->value.data(), old->value.data() + old->value.size(), revision, 16);
    txn.erase(keys::region_pos(region, revision, name));
  }
  if (erase) {
    txn.erase(keys::region_at(name));
    return {};
  }
  txn.put(keys::region_at(name), keys::hex16(txn.revision()));
  txn.put(keys::region_pos(region, txn.revision(), name), "");
  return {};
}

Result<> erase_resource(hub::Txn& txn, const v1::Resource& resource) {
  TRY(move_position(txn, resource.spec().region(), resource.metadata().name(), true));
  TRY(objects::erase(txn, model::kind_of(resource), resource.metadata().name()));
  return {};
}

std::unique_ptr<hub::OverlayStore> empty_store(const std::string& epoch) {
  return std::make_unique<hub::OverlayStore>(
      std::make_unique<StoreCopyReader>(std::make_shared<StoreContent>(), 0), hub::StoreIdentity{epoch, {}});
}

agent::SessionOptions session_options(const std::string& name, const std::string& boot_id,
                                      std::vector<v1::ProviderSchema> schemas) {
  agent::SessionOptions options;
  options.agent = name;
  options.version = "test";
  options.boot_id = boot_id;
  options.providers = {"noop"};
  options.schemas = std::move(schemas);
  options.enrolled_epoch = kEnrolledEpoch;
  options.manifest_bytes = 400;  // several ranges with few resources
  return options;
}

hub::DispatchOptions dispatch_options(hub::BootWatch& boots, HubProcess& hub) {
  hub::DispatchOptions options;
  // Nothing is taken before the first step.
  options.schemas_told = [&hub](const std::string& agent, hub::ProviderSchemas schemas) {
    hub.fleet.schemas_told(agent, std::move(schemas));
  };
  options.boots = &boots;
  options.sync_limits.max_resources = 7;  // several answers with few resources
  return options;
}

hub::FleetOptions fleet_options(hub::BootWatch& boots) {
  hub::FleetOptions options;
  options.boots = &boots;
  return options;
}

}  // namespace

HubProcess::HubProcess(hub::Store& store, MemoryBroker& broker, const Clock& clock, hub::FleetHooks hooks)
    : bus(broker.connect("hub")),
      dispatch(store, *bus, clock, dispatch_options(boots, *this)),
      fleet(store, *bus, clock, dispatch.agents(), dispatch.index(), std::move(hooks), fleet_options(boots)) {
  must(dispatch.start());
  must(fleet.start());
}

AgentProcess::AgentProcess(const std::string& name, SimAgent& machine, MemoryBroker& broker,
                           const Clock& clock, std::uint64_t seed, const std::string& boot_id,
                           std::vector<v1::ProviderSchema> schemas)
    : random(seed),
      bus(broker.connect(name)),
      session(session_options(name, boot_id, std::move(schemas)),
              {*bus, clock, random, machine, machine, nullptr}) {
  must(session.start());
}

LinkWorld::LinkWorld(std::uint64_t seed, Start start)
    : random(seed), broker(clock), store_(empty_store(kEnrolledEpoch)) {
  if (start == kWithHub) start_hub();
}

hub::FleetHooks LinkWorld::fleet_hooks() { return {erase_resource, nullptr}; }

void LinkWorld::enrol(const std::string& name, const std::string& key) {
  must(store_->transact([&](hub::Txn& txn) -> Result<> {
    v1::Agent agent;
    agent.mutable_metadata()->set_name(name);
    agent.mutable_spec()->set_region(name);
    agent.mutable_spec()->set_public_key(key);
    TRY(objects::put(txn, agent, {clock.wall(), uids()}));
    v1::Region region;
    region.mutable_metadata()->set_name(name);
    TRY(objects::put(txn, region, {clock.wall(), uids()}));
    return {};
  }));
  auto& machine = machines[name];
  if (machine) return;
  machine = std::make_unique<SimAgent>(clock);
  machine->on_delete = [this, name](const std::string& resource, const SimAgent::Held& before,
                                    const std::string& epoch, const wire::v1::DesiredResource& tombstone) {
    if (before.epoch != epoch)
      wrongs_.push_back(
          fmt::format("{}: {} stated by {} is deleted by {}", name, resource, before.epoch, epoch));
    else if (!tombstones_.contains({epoch, resource, tombstone.generation()}))
      wrongs_.push_back(fmt::format("{}: nobody ever wanted {} deleted at generation {} in {}", name,
                                    resource, tombstone.generation(), epoch));
  };
}

void LinkWorld::revoke(const std::string& name) {
  must(store_->transact([&](hub::Txn& txn) -> Result<> {
    auto agent = TRY(objects::get<v1::Agent>(txn, name));
    agent->mutable_spec()->set_revoked(true);
    TRY(objects::put(txn, *agent, {clock.wall(), uids()}));
    return {};
  }));
}

void LinkWorld::put_all(const std::vector<std::string>& names, const std::string& content) {
  must(store_->transact([&](hub::Txn& txn) -> Result<> {
    for (const auto& name : names) {
      v1::Resource resource = TRY(objects::get<v1::Resource>(txn, name)).value_or(v1::Resource());
      const auto generation = resource.metadata().generation();
      resource.mutable_metadata()->set_name(name);
      auto& spec = *resource.mutable_spec();
      spec.set_region(region_of(name));
      spec.set_provider("noop");
      spec.set_deleted(false);
      (*spec.mutable_template_()->mutable_fields())["content"].set_string_value(content);
      spec.set_hash("hash-of-" + content.substr(0, 20));
      TRY(objects::put(txn, resource, {clock.wall(), uids()}));
      if (resource.metadata().generation() != generation) TRY(move_position(txn, spec.region(), name, false));
    }
    return {};
  }));
}

void LinkWorld::tombstone(const std::string& name) {
  std::optional<std::uint32_t> generation;
  must(store_->transact([&](hub::Txn& txn) -> Result<> {
    generation.reset();
    auto resource = TRY(objects::get<v1::Resource>(txn, name));
    if (!resource) return {};
    auto& spec = *resource->mutable_spec();
    if (spec.deleted()) spec.set_deletes_repeated(spec.deletes_repeated() + 1);
    spec.set_deleted(true);
    TRY(objects::put(txn, *resource, {clock.wall(), uids()}));
    generation = resource->metadata().generation();
    return move_position(txn, resource->spec().region(), name, false);
  }));
  if (generation) tombstones_.emplace(epoch(), name, *generation);
}

void LinkWorld::lose(const std::string& name) {
  lost_.insert(name);
  must(store_->transact([&](hub::Txn& txn) -> Result<> {
    const auto resource = TRY(objects::get<v1::Resource>(txn, name));
    if (resource) TRY(erase_resource(txn, *resource));
    return {};
  }));
}

std::vector<v1::Resource> LinkWorld::resources(const std::string& region) const {
  return must(objects::list<v1::Resource>(*must(store_->snapshot()), {.name_prefix = region + "."}));
}

std::optional<v1::Resource> LinkWorld::resource(const std::string& name) const {
  return must(objects::get<v1::Resource>(*must(store_->snapshot()), name));
}

v1::Agent LinkWorld::agent_object(const std::string& name) const {
  return must(objects::get<v1::Agent>(*must(store_->snapshot()), name)).value_or(v1::Agent());
}

std::shared_ptr<const StoreContent> LinkWorld::backup() const {
  auto out = std::make_shared<StoreContent>();
  for (auto& entry : must(must(store_->snapshot())->scan({}))) (*out)[entry.key] = entry;
  return out;
}

hub::Revision LinkWorld::revision() const { return must(store_->snapshot())->revision(); }

void LinkWorld::copy_back(const std::shared_ptr<const StoreContent>& content, hub::Revision revision,
                          const hub::StoreIdentity& identity) {
  const bool ran = hub_runs();
  stop_hub();
  store_ =
      std::make_unique<hub::OverlayStore>(std::make_unique<StoreCopyReader>(content, revision), identity);
  if (ran) start_hub();
}

void LinkWorld::restore(const std::shared_ptr<const StoreContent>& content, hub::Revision revision,
                        hub::StoreIdentity identity) {
  identity.lineage.insert(identity.lineage.begin(), identity.epoch);
  identity.epoch = fmt::format("e{}", ++epochs_);
  copy_back(content, revision, identity);
}

void LinkWorld::impostor() {
  if (real_store_) return;
  stop_hub();
  real_store_ = std::exchange(store_, empty_store("another"));
  for (const auto& [name, machine] : machines) enrol(name);
  start_hub();
}

void LinkWorld::bring_back() {
  if (!real_store_) return;
  stop_hub();
  store_ = std::exchange(real_store_, nullptr);
  start_hub();
}

void LinkWorld::start_hub() {
  if (hub_) return;
  hub::FleetHooks hooks = fleet_hooks();
  hooks.erase_resource = [this](hub::Txn& txn, const v1::Resource& resource) {
    check_erase(resource);
    return erase_resource(txn, resource);
  };
  hub_ = std::make_unique<HubProcess>(*store_, broker, clock, std::move(hooks));
  hub_->dispatch.wake().set([this] { woken_ = true; });
  hub_->fleet.wake().set([this] { woken_ = true; });
}

// The hub may forget a tombstone once its agent has nothing of it any more.
void LinkWorld::check_erase(const v1::Resource& resource) {
  const std::string& name = resource.metadata().name();
  if (!resource.spec().deleted()) wrongs_.push_back("the hub erases " + name + ", which is wanted");
  const auto& held = machines.at(resource.spec().region())->held;
  const auto it = held.find(name);
  if (it != held.end() && it->second.resource.uid() == resource.metadata().uid() && !it->second.gone)
    wrongs_.push_back("the hub erases " + name + ", which its agent has not removed");
}

void LinkWorld::start_agent(const std::string& name) {
  if (agent_runs(name)) return;
  agents_[name] = std::make_unique<AgentProcess>(name, *machines.at(name), broker, clock, random.next(),
                                                 fmt::format("boot-{}", ++boots_), schemas[name]);
  agents_[name]->session.wake().set([this] { woken_ = true; });
}

void LinkWorld::step_all() {
  due_ = MonoTime::max();
  if (hub_) {
    due_ = std::min(due_, hub_->dispatch.step());
    due_ = std::min(due_, hub_->fleet.step());
    due_ = std::min(due_, hub_->dispatch.step());
  }
  for (auto& [name, process] : agents_) {
    due_ = std::min(due_, process->session.step());
    machines.at(name)->work();
  }
}

void LinkWorld::run(Millis time) {
  run_until([] { return false; }, time);
}

bool LinkWorld::run_until(const std::function<bool()>& condition, Millis limit) {
  const MonoTime end = clock.mono() + limit;
  for (;;) {
    do {
      woken_ = false;
      step_all();
    } while (broker.pump() > 0 || woken_);
    if (condition()) return true;
    MonoTime next = due_;
    if (const auto queued = broker.next_due()) next = std::min(next, *queued);
    next = std::max(next, clock.mono() + Millis(1));
    if (next > end) {
      if (end > clock.mono()) clock.advance(end - clock.mono());
      return condition();
    }
    clock.advance(next - clock.mono());
  }
}

std::string LinkWorld::difference(const std::string& agent) const {
  const SimAgent& machine = *machines.at(agent);
  const std::string known = machine.epoch.empty() ? kEnrolledEpoch : machine.epoch;
  if (known != epoch()) return "the agent is in epoch " + known;
  std::set<std::string> wanted;
  for (const auto& resource : resources(agent)) {
    const std::string& name = resource.metadata().name();
    wanted.insert(name);
    const auto held = machine.held.find(name);
    if (held == machine.held.end()) return name + " is not held";
    if (held->second.epoch != epoch()) return name + " is held from epoch " + held->second.epoch;
    const auto generation = resource.metadata().generation();
    if (held->second.resource.generation() != generation ||
        held->second.resource.hash() != resource.spec().hash())
      return name + " is held at another generation or hash";
    const auto running = machine.world.find(name);
    if (running == machine.world.end()) return name + " does not run";
    if (running->second != SimAgent::Running{generation, resource.spec().hash()})
      return name + " runs as another";
    const auto& status = resource.status();
    if (status.observed_generation() != generation || status.epoch() != epoch())
      return name + " is not reported";
    // A tombstone that is a restored store's first word on something is not honoured; nor one of a store that
    // lost what it had stated. Any other one must have been carried out.
    if (resource.spec().deleted() && epochs_ == 1 && !lost_.contains(name))
      return name + " is a tombstone that was not carried out";
  }
  for (const auto& [name, held] : machine.held) {
    if (wanted.contains(name)) continue;
    if (held.epoch == epoch()) return name + " is held as if the hub stated it";
    if (!held.resource.deleted() && !machine.world.contains(name))
      return name + " is unclaimed and does not run";
    if (held.resource.deleted()) return name + " is gone and not forgotten";
  }
  for (const auto& [name, running] : machine.world)
    if (!machine.held.contains(name)) return name + " runs and nobody holds it";
  if (!machine.reports_confirmed()) return "there are unconfirmed reports";
  return {};
}

}  // namespace qleet::testing
