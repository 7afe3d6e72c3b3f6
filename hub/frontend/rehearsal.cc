#include "hub/frontend/rehearsal.h"

#include <algorithm>
#include <utility>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/health.h"
#include "hub/controllers/manager.h"
#include "hub/controllers/pending.h"
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
  Agents(const Context& copy, const Reader& before, Settled& settled)
      : copy_(copy),
        before_(before),
        begun_(copy.clock.wall()),
        position_(before.revision()),
        settled_(settled) {}

  // Does what every agent would do about what changed. False: nothing.
  Result<bool> act() {
    auto touched = std::exchange(deferred_, {});
    for (;;) {
      const auto changes = TRY(copy_.store.changes(position_, kChangesAtOnce));
      if (changes.empty()) break;
      for (const auto& change : changes) {
        const auto object = objects::parse_key(change.key);
        if (object && object->kind->name == "Resource") touched.emplace(object->name);
        if (object && object->kind->name == "Deployment") concerned_.emplace(object->name);
      }
      position_ = changes.back().revision;
    }
    settled_.resources.insert(touched.begin(), touched.end());
    settled_.deployments.insert(concerned_.begin(), concerned_.end());
    bool acted = false;
    TRY(in_transaction(copy_, [&](Work& work) -> Result<> {
      acted = false;
      for (const auto& name : concerned_) {
        if (TRY(catch_up(work, name))) acted = true;
      }
      for (const auto& name : touched) {
        if (TRY(act_on(work, name))) acted = true;
        if (TRY(outlive(work, name))) acted = true;
      }
      return {};
    }));
    concerned_.clear();
    return acted;
  }

 private:
  // A rollout that goes on because of the operation goes on to its end: what was handed out before and is not
  // reported yet does not stop it.
  Result<bool> catch_up(Work& work, const std::string& deployment) {
    const auto found = TRY(objects::get<v1::Deployment>(work.txn, deployment));
    if (!found || found->spec().deleted()) return false;
    bool acted = false;
    for (const auto& region : found->status().regions()) {
      if (TRY(connect(work, region.region()))) acted = true;
      for (const auto& resource : TRY(controllers::resources_of(work.txn, deployment, region.region()))) {
        if (TRY(act_on(work, resource.name))) acted = true;
      }
    }
    return acted;
  }

  // What this resource needed and no longer does may have users that are on their way out, too: they keep it
  // no longer than until they are gone. Reads them up to the first that stays.
  Result<bool> outlive(Work& work, const std::string& name) {
    const auto before = TRY(objects::get<v1::Resource>(before_, name));
    if (!before) return false;
    const auto now = TRY(controllers::used_by(work.txn, controllers::user_of_resource(name)));
    bool acted = false;
    for (const auto& [alias, needed] : before->spec().dependencies()) {
      if (now.contains(needed)) continue;
      for (bool any = true; any;) {
        any = false;
        const auto users = TRY(controllers::users_of(work.txn, needed, 1));
        if (users.empty() || !users.front().user.starts_with("r:")) break;
        any = TRY(let_go(work, users.front().user.substr(2)));
        acted = acted || any;
      }
    }
    return acted;
  }

  static bool on_its_way_out(const std::optional<v1::Resource>& resource) {
    if (!resource) return false;
    if (resource->spec().deleted()) return true;
    return resource->status().has_unused_since() && !model::stays_unused(resource->spec());
  }

  // Lets what was on its way out before the operation, and still is, be gone. False: it is none of those.
  Result<bool> let_go(Work& work, const std::string& name) {
    const auto now = TRY(objects::get<v1::Resource>(work.txn, name));
    if (!on_its_way_out(now) || !on_its_way_out(TRY(objects::get<v1::Resource>(before_, name)))) return false;
    settled_.under_way.insert(name);
    TRY(controllers::erase_resource(work, name));
    return true;
  }

  // Whether it goes because of what was on its way out before.
  Result<bool> goes_anyway(const std::string& name) {
    const auto users = TRY(controllers::users_of(before_, name));
    return !users.empty() && std::ranges::all_of(users, [&](const controllers::Use& use) {
      return use.user.starts_with("r:") && settled_.under_way.contains(use.user.substr(2));
    });
  }

  Result<bool> act_on(Work& work, const std::string& name) {
    auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
    if (!resource) return false;
    if (resource->spec().deleted())
      return controllers::resource_gone(work, name, resource->metadata().generation());
    const auto connected = TRY(connect(work, resource->spec().region()));
    const bool unused = resource->status().has_unused_since();
    if (unused && !model::stays_unused(resource->spec())) {
      // Long enough from now on, nobody came back to it.
      const bool new_here = objects::wall_time(resource->status().unused_since()) >= begun_;
      if (new_here) {
        // Until those that may ask for it have been worked out it stays; later rounds look again.
        if (TRY(controllers::may_be_asked_for(work.txn, resource->spec()))) {
          deferred_.insert(name);
          return false;
        }
        if (TRY(goes_anyway(name))) settled_.under_way.insert(name);
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
  const Reader& before_;
  const WallTime begun_;
  Revision position_;
  std::set<std::string> concerned_;  // deployments that changed since the last look
  std::set<std::string> deferred_;   // resources that may be asked for yet
  Settled& settled_;
};

}  // namespace

Result<Settled> settle_everything(const Context& copy, const Reader& before) {
  Settled settled;
  Random bits = [&random = random_of(copy)] {
    std::uint64_t number = 0;
    for (const unsigned char byte : random.bytes(sizeof number)) number = number << 8 | byte;
    return number;
  };
  controllers::Manager manager(copy.store, copy.clock, bits);
  manager.start_after(before.revision());
  Agents agents(copy, before, settled);
  for (int round = 0; round < kMaxRounds; ++round) {
    TRY(manager.run_until_idle());
    if (!TRY(agents.act())) return settled;
  }
  return fail(Code::kInternal, "what follows does not come to rest");
}

}  // namespace qleet::hub::frontend
