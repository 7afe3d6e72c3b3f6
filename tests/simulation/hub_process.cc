#include "tests/simulation/hub_process.h"

#include <algorithm>

#include "hub/controllers/resources.h"
#include "tests/simulation/crash.h"

namespace qleet::sim {
namespace {

// A hub that cannot start ends.
void must(const Result<>& result) {
  if (!result) throw HubCrash();
}

hub::Random ids_from(crypto::Random& random) {
  return [&random] {
    std::uint64_t number = 0;
    for (const unsigned char byte : random.bytes(8)) number = number << 8 | byte;
    return number;
  };
}

// As the hub's assembly does it.
hub::FleetHooks hooks(const Clock& clock, const hub::Random& ids) {
  return {.erase_resource = [&clock, ids](hub::Txn& txn, const v1::Resource& resource) -> Result<> {
            hub::controllers::Work work{txn, {.now = clock.wall(), .random = ids}};
            return hub::controllers::erase_resource(work, resource.metadata().name());
          },
          .record_event = {},
          .random = ids,
          .note = {},
          .suspend = {}};
}

hub::DispatchOptions dispatch_options(hub::BootWatch* boots) {
  hub::DispatchOptions options;
  options.boots = boots;
  options.sync_limits.max_resources = 7;  // several answers with few resources
  options.poke_recent_revisions = 100;
  return options;
}

hub::FleetOptions fleet_options(Millis heartbeat, hub::BootWatch* boots) {
  hub::FleetOptions options;
  options.boots = boots;
  options.heartbeat = heartbeat;
  return options;
}

enum : unsigned { kManager, kDispatch, kFleet, kParts };

}  // namespace

HubProcess::HubProcess(hub::Store& store, MemoryBroker& broker, const Clock& clock, const HubOptions& options)
    : store_(store),
      clock_(clock),
      random_(options.seed),
      ids_(ids_from(random_)),
      bus_(broker.connect("hub")),
      dispatch_(store, *bus_, clock, dispatch_options(options.one_boot ? &boots_ : nullptr)),
      fleet_(store, *bus_, clock, dispatch_.agents(), dispatch_.index(), hooks(clock, ids_),
             fleet_options(options.heartbeat, options.one_boot ? &boots_ : nullptr)),
      freshness_(dispatch_.agents(), fleet_.liveness(), store.identity().epoch),
      api_freshness_(freshness_),
      shower_(store, clock, options.freshness ? &api_freshness_ : nullptr),
      manager_(store, clock, ids_, {.workers = 1, .max_changes_per_read = 50}) {
  must(hub::frontend::ensure_defaults(context(), ""));
  must(dispatch_.start());
  must(fleet_.start());
  manager_.note_start();
  must(manager_.resume());
  subscription_ = store.subscribe([this](hub::Revision) { parts_[kManager].awake = true; });
  dispatch_.wake().set([this] { parts_[kDispatch].awake = true; });
  fleet_.wake().set([this] { parts_[kFleet].awake = true; });
}

bool HubProcess::step_part(unsigned index) {
  Part& part = parts_[index];
  const MonoTime now = clock_.mono();
  if (!part.awake && part.due > now) return false;
  part.awake = false;
  switch (index) {
    case kManager:
      if (manager_.turn()) part.awake = true;
      part.due = manager_.next_due().value_or(MonoTime::max());
      break;
    case kDispatch:
      part.due = dispatch_.step();
      break;
    default:
      part.due = fleet_.step();
      break;
  }
  return true;
}

bool HubProcess::step(std::uint64_t turn) {
  for (unsigned i = 0; i < kParts; ++i)
    if (step_part((turn + i) % kParts)) return true;
  due_ = MonoTime::max();
  for (const auto& part : parts_) due_ = std::min(due_, part.due);
  return false;
}

bool HubProcess::idle() const { return std::ranges::none_of(parts_, &Part::awake) && manager_.depth() == 0; }

}  // namespace qleet::sim
