#include "common/sync/accept.h"

#include <fmt/format.h>

#include <algorithm>

namespace qleet::sync {

namespace {

bool holds(const std::vector<std::string>& epochs, std::string_view epoch) {
  return std::ranges::find(epochs, epoch) != epochs.end();
}

// Those that stand in front are kept where there are too many.
class Lineage {
 public:
  explicit Lineage(std::string_view current) : current_(current) {}
  void add(std::string_view epoch) {
    const bool word = !epoch.empty() && epoch.size() <= kMaxWord;
    if (word && epoch != current_ && epochs_.size() < kMaxLineage && !holds(epochs_, epoch))
      epochs_.emplace_back(epoch);
  }
  void add(const std::vector<std::string>& epochs) {
    for (const auto& epoch : epochs) add(epoch);
  }
  KnownEpochs known() && { return {std::string(current_), std::move(epochs_)}; }

 private:
  const std::string_view current_;
  std::vector<std::string> epochs_;
};

}  // namespace

EpochVerdict accept_epoch(const KnownEpochs& known, std::string_view epoch,
                          const std::vector<std::string>& lineage) {
  if (known.current.empty() || epoch.empty()) return EpochVerdict::kStranger;
  if (known.current == epoch) return EpochVerdict::kSame;
  // Before its own lineage is looked at: an ancestor descends from those before it.
  if (holds(known.lineage, epoch)) return EpochVerdict::kAncestor;
  const bool descends = std::ranges::any_of(lineage, [&](const auto& ancestor) {
    return ancestor == known.current || holds(known.lineage, ancestor);
  });
  return descends ? EpochVerdict::kDescends : EpochVerdict::kStranger;
}

KnownEpochs known_after(const KnownEpochs& known, std::string_view epoch,
                        const std::vector<std::string>& lineage) {
  Lineage after(epoch);
  const bool same = known.current == epoch;
  if (same) after.add(known.lineage);
  after.add(known.current);
  after.add(lineage);
  if (!same) after.add(known.lineage);
  return std::move(after).known();
}

KnownEpochs known_after_order(const KnownEpochs& known, std::string_view epoch) {
  return known_after(known, epoch, {});
}

std::string epoch_refusal(std::string_view known, std::string_view epoch, EpochVerdict verdict) {
  const std::string_view theirs = epoch.empty() ? "(none)" : epoch;
  const std::string_view mine = known.empty() ? "(none)" : known;
  if (verdict == EpochVerdict::kAncestor)
    return fmt::format(
        "the hub's store has epoch {}, which this agent left when a restored store took its place (epoch "
        "{}); "
        "everything is kept running as it is. Bring back the hub of epoch {}; or, if this older store shall "
        "be followed, stop its hub, and run qleet-hub backup over it and qleet-hub restore from that",
        theirs, mine, mine);
  return fmt::format(
      "the hub's store has epoch {}, which descends from none that this agent knows (it is in {}); "
      "everything "
      "is kept running as it is. Restore the hub from a backup of the store that this agent knows; or order "
      "this agent to follow, on its host: stop it, run qleet-agent accept-epoch {}, start it",
      theirs, mine, theirs);
}

DeltaVerdict accept_delta(const OwnState& own, const DeltaStatement& delta) {
  switch (accept_epoch(own.epochs, delta.epoch, delta.lineage)) {
    case EpochVerdict::kAncestor:
    case EpochVerdict::kStranger:
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
