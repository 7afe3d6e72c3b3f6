// Journal entries as bytes: the same for every implementation of Journal. Pure but for the sealer.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "agent/journal/journal.h"
#include "common/crypto/sealed.h"

namespace qleet::agent {

// `value` null: erase.
using WriteEntry = std::function<Result<>(const std::string& key, const std::string* value)>;

// Calls `write` for each entry that `changes` puts or erases, in key order within a kind.
Result<> encode(const JournalChanges& changes, const crypto::Sealer& sealer, const WriteEntry& write);

// Adds one stored entry to `contents`. A key that this format does not know is kInternal.
Result<> decode(std::string_view key, std::string_view value, const crypto::Sealer& sealer,
                JournalContents& contents);

}  // namespace qleet::agent
