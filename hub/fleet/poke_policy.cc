#include "hub/fleet/poke_policy.h"

#include <algorithm>

namespace qleet::hub {

std::string PokePolicy::decide(const std::string& agent, const wire::v1::Heartbeat& beat,
                               const RegionView* wanted, const StoreIdentity& identity, MonoTime now) {
  const bool other_epoch = beat.epoch() != identity.epoch;
  if (!other_epoch && wanted == nullptr) return {};
  if (!other_epoch && beat.digest() == wanted->digest.bytes()) {
    agents_.erase(agent);
    return {};
  }
  // It has said no; asking again changes nothing, and it goes on trying by itself.
  if (!beat.refusal().empty()) return {};
  if (!other_epoch && wanted->changed_at != MonoTime{} && now - wanted->changed_at < limits_.settle)
    return {};
  Past& past = agents_[agent];
  if (now < past.next) return {};
  Millis wait = limits_.first;
  for (unsigned i = 0; i < past.in_vain && wait < limits_.longest; ++i) wait *= 2;
  past.next = now + std::min(wait, limits_.longest);
  ++past.in_vain;
  return other_epoch ? "this hub's epoch is another" : "digests differ";
}

}  // namespace qleet::hub
