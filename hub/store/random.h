// Randomness as a seam, for identities; not for keys or tokens (common/crypto).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace qleet::hub {

// 64 random bits per call. Whoever shares one between threads makes it thread-safe.
using Random = std::function<std::uint64_t()>;

// The operating system's. Thread-safe.
Random system_random();

// 128 bits as 32 hex digits.
std::string random_hex128(const Random& random);
// RFC 4122, version 4.
std::string random_uuid(const Random& random);

}  // namespace qleet::hub
