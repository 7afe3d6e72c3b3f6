#include "hub/frontend/rehearsal.h"

#include <fmt/format.h>

#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/health.h"
#include "hub/controllers/manager.h"
#include "hub/controllers/resources.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Health;
using controllers::Work;

constexpr size_t kChangesAtOnce = 10'000;
constexpr int kMaxRounds = 1000;

class Agents {
 public:
  Agents(const Context& copy, Revision since, Settled& settled)
      : copy_(copy), begun_(copy.clock.wall()), position_(since), settled_(settled) {}

  // Does what every agent would do about what changed. False: nothing.
  Result<bool> act() {
    std::set<std::string> touched;
    for (;;) {
      const auto changes = TRY(copy_.store.changes(position_, kChangesAtOnce));
      if (changes.empty()) break;
      for (const auto& change : changes) {
        const auto object = objects::parse_key(change.key);
        if (object && object->kind->name == "Resource") touched.emplace(object->name);
        if (object && object->kind->name == "Deployment") settled_.deployments.emplace(object->name);
      }
      position_ = changes.back().revision;
    }
    settled_.resources.insert(touched.begin(), touched.end());
    bool acted = false;
    TRY(in_transaction(copy_, [&](Work& work) -> Result<> {
      acted = false;
      for (const auto& name : touched) {
        if (TRY(act_on(work, name))) acted = true;
      }
      return {};
    }));
    return acted;
  }

 private:
  Result<bool> act_on(Work& work, const std::string& name) {
    auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
    if (!resource) return false;
    if (resource->spec().deleted())
      return controllers::resource_gone(work, name, resource->metadata().generation());
    const auto connected = TRY(connect(work, resource->spec().region()));
    const bool unused = resource->status().has_unused_since();
    if (unused && resource->spec().when_unused().do_() != "retain") {
      // Long enough from now on, nobody came back to it.
      const bool new_here = objects::wall_time(resource->status().unused_since()) >= begun_;
      if (new_here) {
        settled_.graces[name] = Millis(resource->spec().when_unused().after_ms());
        TRY(controllers::tombstone_resource(work, name));
        return true;
      }
    }
    if (controllers::health_of(*resource).health == Health::kReady) return connected;
    auto& status = *resource->mutable_status();
    status.set_state("Ready");
    status.set_observed_generation(resource->metadata().generation());
    status.set_observed_hash(resource->spec().hash());
    controllers::set_condition(*status.mutable_conditions(),
                               {reasons::kReady, true, reasons::kAvailable, "", 0}, work.now());
    TRY(objects::put_status(work.txn, *resource));
    return true;
  }

  Result<bool> connect(Work& work, const std::string& name) {
    auto region = TRY(objects::get<v1::Region>(work.txn, name));
    if (!region || controllers::connection_of(*region).connected) return false;
    if (region->status().agent().empty()) region->mutable_status()->set_agent("agent");
    controllers::set_condition(*region->mutable_status()->mutable_conditions(),
                               {reasons::kConnected, true, reasons::kAvailable, "", 0}, work.now());
    TRY(objects::put_status(work.txn, *region));
    return true;
  }

  const Context& copy_;
  const WallTime begun_;
  Revision position_;
  Settled& settled_;
};

}  // namespace

Result<Settled> settle_everything(const Context& copy, Revision since) {
  Settled settled;
  Random bits = [&random = random_of(copy)] {
    std::uint64_t number = 0;
    for (const unsigned char byte : random.bytes(sizeof number)) number = number << 8 | byte;
    return number;
  };
  controllers::Manager manager(copy.store, copy.clock, bits);
  manager.start_after(since);
  Agents agents(copy, since, settled);
  for (int round = 0; round < kMaxRounds; ++round) {
    TRY(manager.run_until_idle());
    if (!TRY(agents.act())) return settled;
  }
  return fail(Code::kInternal, "what follows does not come to rest");
}

}  // namespace qleet::hub::frontend
