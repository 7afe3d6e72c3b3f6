// What an agent takes from a hub, as pure decisions. docs/protocol.md gives the reasons; the tests of this
// file are its tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qleet::sync {

// --- epochs ------------------------------------------------------------------------------------------

// What an agent knows of its hub's store.
struct KnownEpochs {
  std::string current;  // empty only for an agent that was never told one; it refuses everything
  // Others that it was in, or that those descend from; newest first, at most kMaxLineage.
  std::vector<std::string> lineage;
  bool operator==(const KnownEpochs&) const = default;
};
inline constexpr std::size_t kMaxLineage = 64;

enum class EpochVerdict {
  kSame,      // the epoch that the agent is in
  kDescends,  // descends from one that it knows (the store was restored): accepted, everything is restated
  kAncestor,  // one that was left for a restored store: refused
  kStranger,  // none of these: refused
};
// Nothing of such a hub is acted upon.
constexpr bool refused(EpochVerdict verdict) {
  return verdict == EpochVerdict::kAncestor || verdict == EpochVerdict::kStranger;
}

EpochVerdict accept_epoch(const KnownEpochs& known, std::string_view epoch,
                          const std::vector<std::string>& lineage);

// What is known once `epoch`, which has been accepted, is entered; of the current one, what its hub adds to
// the lineage.
KnownEpochs known_after(const KnownEpochs& known, std::string_view epoch,
                        const std::vector<std::string>& lineage);
// The same where an operator ordered it, whatever the epoch is.
KnownEpochs known_after_order(const KnownEpochs& known, std::string_view epoch);

// For people: why an epoch was refused, and what to do.
std::string epoch_refusal(std::string_view known, std::string_view epoch, EpochVerdict verdict);

// --- deltas ------------------------------------------------------------------------------------------

struct OwnState {
  KnownEpochs epochs;
  std::uint64_t position = 0;
};

struct DeltaStatement {
  std::string epoch;
  std::vector<std::string> lineage;
  std::uint64_t prev_position = 0;
  std::uint64_t position = 0;
};

enum class DeltaVerdict {
  kApply,     // begins at or before the own position and ends behind it: nothing is missing
  kStale,     // ends at or before the own position: known already
  kGap,       // something before it is missing: ask for a sync
  kNewEpoch,  // another life of the store, acceptable: only a sync may enter it
  kRefused,   // see EpochVerdict
};

DeltaVerdict accept_delta(const OwnState& own, const DeltaStatement& delta);

// --- entries -----------------------------------------------------------------------------------------

// What is held under a name, and what a hub says about it.
struct Entry {
  std::uint32_t generation = 0;
  std::string hash;
  std::string epoch;  // that stated it; of a held one empty: disowned
  bool deleted = false;
  std::string uid;
};

// How the statement came.
enum class Authority {
  kOrdered,   // a delta or a sync by position: may repeat what is known, never leads back
  kManifest,  // the answer to a manifest: the hub saw what is held and says otherwise
};

enum class EntryVerdict {
  kIgnore,
  kPut,      // as stated, deleted or not
  kPutLive,  // a tombstone that may not be honoured: its content is taken, it is kept running
};

// `held`: null where the agent holds nothing of that name. `stated.epoch` has been accepted by accept_epoch.
EntryVerdict accept_entry(const Entry* held, const Entry& stated, Authority authority);

// --- refusals --------------------------------------------------------------------------------------------

// The code of SyncBatch.refused_code after which a process of an agent does nothing (docs/protocol.md).
inline constexpr std::string_view kSuperseded = "superseded";

// --- what may be named and said at all ------------------------------------------------------------------

// [a-z0-9.-], 1 to 253 characters: what may become a key of store and journal.
bool is_resource_name(std::string_view name);
// Epochs, hashes, uids, boot ids: words of the protocol have at most this many characters.
inline constexpr std::size_t kMaxWord = 128;

// --- protocol numbers --------------------------------------------------------------------------------

inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

// The newest number that both speak; 0: none. A `their_min` of 0 means that only `their_max` is spoken.
std::uint32_t negotiate(std::uint32_t their_min, std::uint32_t their_max);

// For people: why there is none.
std::string protocol_refusal(std::uint32_t their_min, std::uint32_t their_max);

}  // namespace qleet::sync
