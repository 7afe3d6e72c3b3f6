// NATS's JSON web tokens (claims version 2, ed25519-nkey): who the operator, its accounts and their users
// are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/nkey.h"
#include "common/result/result.h"

namespace qleet::crypto {

// Subjects may hold {{name()}}: the user's name, as a whole token only (a part of one silently never
// matches).
struct SubjectPermissions {
  std::vector<std::string> publish;
  std::vector<std::string> subscribe;
  // May answer each message that has a reply subject, so often and so long; 0: not at all.
  int max_responses = 0;
  Millis response_time{0};
};

// A key that signs users of one role; each of them has these permissions, whatever its own token says.
struct SigningRole {
  std::string public_key;
  std::string role;
  SubjectPermissions permissions;
  int max_subscriptions = -1;
  std::int64_t max_payload = -1;  // bytes
};

struct OperatorToken {
  std::string name;
  std::string system_account;  // public key
};

struct AccountToken {
  std::string name;
  std::string public_key;
  std::vector<SigningRole> roles;
  // User's public key -> tokens issued at or before this time are refused.
  std::map<std::string, WallTime> revocations;
};

struct UserToken {
  std::string name;
  std::string public_key;
  std::string account;  // public key
  // The account's own key signs and the user may do this; without it a signing role's key must sign.
  std::optional<SubjectPermissions> permissions;
  std::optional<WallTime> expires;
};

Result<std::string> mint(const NKey& operator_key, const OperatorToken& token, WallTime now);
Result<std::string> mint(const NKey& operator_key, const AccountToken& token, WallTime now);
Result<std::string> mint(const NKey& signer, const UserToken& token, WallTime now);

struct Claims {
  std::string type;  // operator, account, user
  std::string name;
  std::string subject;  // public key of whom it speaks
  std::string issuer;   // public key that signed
  std::string issuer_account;
  WallTime issued;
  std::optional<WallTime> expires;
  std::map<std::string, WallTime> revocations;
  std::string json;
};

// Checks form and signature (that of its own issuer: whether that one is to be trusted is the caller's to
// check). Does not check expiry.
Result<Claims> decode(std::string_view jwt);

}  // namespace qleet::crypto
