// Every key of the agent's journal and its meaning. Formats are permanent: a change needs a new format number
// and a migration. Values are messages of common/proto/qleet/agent/v1/journal.proto, serialized.
//
//   m/format          kFormat in decimal; anything else is refused
//   m/meta            StoredMeta: epoch, lineage, position, boot counter, sealed hash key
//   d/<name>          Desired: the resource as the hub stated it last (also a tombstone)
//   r/<name>          StoredRuntime: what was done about it here, its report, its sealed secrets
//   e/<seq, 16 hex>   qleet.wire.v1.EventReport that the hub has not confirmed
//
// Each value but that of m/format ends with its check: a field 15, fixed32, of whatever message it is. Its
// first byte is the size of the value before it, modulo 256; then come the first three bytes of SHA-256(key,
// NUL, that value). One without, or with another size, was written by an agent that knows no checks.
//
// Sealed values are bound to their key: a value that was copied under another key does not open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qleet::agent::keys {

inline constexpr unsigned kFormat = 1;
inline constexpr std::string_view kFormatKey = "m/format";
inline constexpr std::string_view kMetaKey = "m/meta";
inline constexpr std::string_view kDesiredPrefix = "d/";
inline constexpr std::string_view kRuntimePrefix = "r/";
inline constexpr std::string_view kEventPrefix = "e/";
// LMDB takes keys of up to 511 bytes.
inline constexpr size_t kMaxName = 500;

std::string desired(std::string_view name);
std::string runtime(std::string_view name);
std::string event(std::uint64_t sequence);

}  // namespace qleet::agent::keys
