// NATS's identities: Ed25519 keys in their own text form (base32 with a kind prefix and a CRC-16).
#pragma once

#include <string>
#include <string_view>

#include "common/crypto/token.h"
#include "common/result/result.h"

namespace qleet::crypto {

enum class KeyKind { kOperator, kAccount, kUser };

// A private key. Copies share nothing; thread-safe once made.
class NKey {
 public:
  static NKey generate(KeyKind kind, Random& random);
  // kInvalid; the message does not repeat the seed.
  static Result<NKey> from_seed(std::string_view seed);

  KeyKind kind() const { return kind_; }
  // O..., A... or U..., 56 characters.
  const std::string& public_key() const { return public_key_; }
  // SO..., SA... or SU..., 58 characters. A secret.
  std::string seed() const;
  // 64 bytes.
  std::string sign(std::string_view data) const;

 private:
  NKey(KeyKind kind, std::string secret);
  KeyKind kind_;
  std::string secret_;
  std::string public_key_;
};

// What kind of key this is, if it is a well-formed public one.
Result<KeyKind> parse_public_key(std::string_view public_key);

bool verify_signature(std::string_view public_key, std::string_view data, std::string_view signature);

}  // namespace qleet::crypto
