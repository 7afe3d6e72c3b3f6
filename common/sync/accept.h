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

enum class EpochVerdict {
  kSame,      // the epoch that the agent knows
  kDescends,  // descends from it (the store was restored): accepted, everything is restated
  kRefused,   // neither: nothing of this hub is acted upon
};

// `known` is empty only for an agent that was never told one; it refuses everything.
EpochVerdict accept_epoch(std::string_view known, std::string_view epoch,
                          const std::vector<std::string>& lineage);

// For people: why an epoch was refused, and what to do.
std::string epoch_refusal(std::string_view known, std::string_view epoch);

// --- deltas ------------------------------------------------------------------------------------------

struct OwnState {
  std::string epoch;
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
