// Boxes that anybody can close and one holder alone can open: for values that pass through hands that must
// not read them. X25519 with a fresh key for each box, HKDF-SHA256, AES-256-GCM.
//
// Box: version (1 byte, 1) | the box's own public key (32) | ciphertext | tag (16).
#pragma once

#include <string>
#include <string_view>

#include "common/crypto/token.h"
#include "common/result/result.h"

namespace qleet::crypto {

inline constexpr std::size_t kBoxKeySize = 32;

// The raw bytes of both halves.
struct BoxKeyPair {
  std::string public_key;
  std::string private_key;
};
BoxKeyPair make_box_keys(Random& random);
// kInvalid: not 32 bytes.
Result<std::string> box_public_key(std::string_view private_key);

// `associated` is not stored but must be given again to open: where the value belongs. kInvalid: no public
// key, also one of those with which no secret can be agreed.
Result<std::string> seal_box(std::string_view plain, std::string_view public_key, std::string_view associated,
                             Random& random);

// kInvalid: not a box, changed, for another key, or not of this place.
Result<std::string> open_box(std::string_view box, std::string_view private_key, std::string_view associated);

}  // namespace qleet::crypto
