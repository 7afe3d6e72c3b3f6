// What must have held all along, judged from the record alone: so each check can be shown to fail on a record
// that was tampered with (checks_test.cc).
#pragma once

#include <string>
#include <vector>

#include "tests/chaos/record.h"

namespace qleet::chaos {

// Each: what was violated, in words; empty: it held.
using Violations = std::vector<std::string>;

// Every step was answered as it had to be; what was acknowledged was there afterwards, and in the watch at
// the revision that the answer named.
Violations check_acknowledged(const Record& record);
// Each watch: every change once, in order, nothing made twice or changed before it was made, generations that
// only grow; and a watch of the same stretch at the end says the same.
Violations check_watches(const Record& record);
// The hub asked for nothing to be removed that was wanted at that revision, and no agent removed what no
// tombstone named.
Violations check_removals(const Record& record);
// Nothing that exists was made anew with the content that it had, and all content was asked for.
Violations check_changes(const Record& record);
// No container was started twice, and none a second time for the same replica of the same version.
Violations check_starts(const Record& record);
// An agent that was not heard for longer than this was shown as away, and nothing of its region as fresh.
Violations check_freshness(const Record& record);
// Three and a quarter heartbeats of 500 ms, and what a busy machine may add.
inline constexpr long kMissedWithin = 4'500;
// In the end the world was as desired, with nothing left over.
Violations check_settled(const Record& record);

// All of them.
Violations check(const Record& record);

}  // namespace qleet::chaos
