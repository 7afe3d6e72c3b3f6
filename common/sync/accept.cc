#include "common/sync/accept.h"

#include <fmt/format.h>

#include <algorithm>

namespace qleet::sync {

EpochVerdict accept_epoch(std::string_view known, std::string_view epoch,
                          const std::vector<std::string>& lineage) {
  if (known.empty() || epoch.empty()) return EpochVerdict::kRefused;
  if (known == epoch) return EpochVerdict::kSame;
  return std::ranges::find(lineage, known) != lineage.end() ? EpochVerdict::kDescends
                                                            : EpochVerdict::kRefused;
}

std::string epoch_refusal(std::string_view known, std::string_view epoch) {
  return fmt::format(
      "the hub's store has epoch {}, which is not {} and does not descend from it; everything is kept "
      "running "
      "as it is. Restore the hub from a backup of the store that this agent knows, or enrol the agent again",
      epoch.empty() ? "(none)" : epoch, known.empty() ? "(none)" : known);
}

DeltaVerdict accept_delta(const OwnState& own, const DeltaStatement& delta) {
  switch (accept_epoch(own.epoch, delta.epoch, delta.lineage)) {
    case EpochVerdict::kRefused:
      return DeltaVerdict::kRefused;
    case EpochVerdict::kDescends:
      return DeltaVerdict::kNewEpoch;
    case EpochVerdict::kSame:
      break;
  }
  if (delta.position <= own.position) return DeltaVerdict::kStale;
  return delta.prev_position <= own.position ? DeltaVerdict::kApply : DeltaVerdict::kGap;
}

EntryVerdict accept_entry(const Entry* held, const Entry& stated, Authority authority) {
  if (!held) return EntryVerdict::kPut;
  // Generations of another epoch, or of another object under the same name, say nothing about the order.
  const bool comparable = held->epoch == stated.epoch && held->uid == stated.uid;
  const bool newer = comparable && stated.generation > held->generation;
  const bool same_content = stated.generation == held->generation && stated.hash == held->hash;
  if (comparable && !newer && (authority == Authority::kOrdered || same_content))
    return EntryVerdict::kIgnore;
  if (stated.deleted && !held->deleted && !newer) return EntryVerdict::kPutLive;
  return EntryVerdict::kPut;
}

std::uint32_t negotiate(std::uint32_t their_min, std::uint32_t their_max) {
  if (their_min == 0) their_min = their_max;
  const std::uint32_t best = std::min(their_max, kProtocolMax);
  return best >= std::max(their_min, kProtocolMin) ? best : 0;
}

std::string protocol_refusal(std::uint32_t their_min, std::uint32_t their_max) {
  if (their_min == 0) their_min = their_max;
  return fmt::format("agent speaks protocol {} to {}, this hub {} to {}: upgrade the {}", their_min,
                     their_max, kProtocolMin, kProtocolMax, their_max < kProtocolMin ? "agent" : "hub");
}

bool is_resource_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

}  // namespace qleet::sync
