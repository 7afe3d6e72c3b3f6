// Journal entries as bytes: the same for every implementation of Journal. Pure but for the sealer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/journal/journal.h"
#include "common/crypto/sealed.h"

namespace qleet::agent {

// `value` null: erase.
using WriteEntry = std::function<Result<>(const std::string& key, const std::string* value)>;

// Calls `write` for each entry that `changes` puts or erases, in key order within a kind.
Result<> encode(const JournalChanges& changes, const crypto::Sealer& sealer, const WriteEntry& write);

// A stored value with its check (agent/journal/keys.h), and without it; nullopt: the check says that it is
// not what was written. One that has none comes back as it is.
std::string with_check(std::string_view key, std::string_view value);
std::optional<std::string> checked(std::string_view key, std::string_view stored);

// Adds one stored entry to `contents`, to what is damaged where it cannot be read. kNotFound: it is sealed
// with a key that the sealer lacks, which is no damage.
Result<> decode(std::string_view key, std::string_view value, const crypto::Sealer& sealer,
                JournalContents& contents);

}  // namespace qleet::agent
