// The keys of the hub's own NATS operator: who may issue accounts, users, and the hub's two own users.
//
// <folder>/keys           five seeds, made together on first start, mode 0600
// <folder>/operator.jwt   the operator, minted once
// <folder>/system.jwt     its system account, minted once
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/crypto/jwt.h"
#include "common/crypto/nkey.h"
#include "common/crypto/token.h"
#include "common/result/result.h"

namespace qleet::hub {

// Names of the hub's users on the bus. Agents are RFC 1123 labels, so none can be called so.
inline constexpr std::string_view kHubUser = "_hub";
inline constexpr std::string_view kSystemUser = "_system";

// What a client of NATS proves itself with.
struct Credentials {
  std::string jwt;
  std::string seed;
};

// Thread-safe once made.
class BrokerKeys {
 public:
  // Reads the keys; makes them if there are none. A folder that lost `keys` alone gets new ones only if
  // nothing else is left of the old: otherwise every agent would silently be locked out.
  static Result<BrokerKeys> open(const std::filesystem::path& folder, crypto::Random& random, WallTime now);

  const std::string& operator_jwt() const { return operator_jwt_; }
  const std::string& system_account() const { return system_.public_key(); }
  const std::string& system_jwt() const { return system_jwt_; }
  const std::string& account() const { return account_.public_key(); }

  // The fleet's account, with its role for agents.
  Result<std::string> mint_account(const std::map<std::string, WallTime>& revocations, WallTime issued) const;
  // An agent may send status.<name>, sync.<name>, heartbeat.<name>, logs.<name>.> and answers to what it was
  // asked; and hear desired.<name>, poke.<name>, ack.<name>, command.<name> and _INBOX.<name>.>
  Result<std::string> mint_agent(const std::string& name, const std::string& public_key, WallTime now) const;
  // The hub may send what agents hear, and hear what they send.
  Result<Credentials> hub_credentials(WallTime now) const;
  // May update accounts, and hear which connections of the fleet's account have ended; nothing else.
  Result<Credentials> system_credentials(WallTime now) const;

 private:
  BrokerKeys(crypto::NKey op, crypto::NKey account, crypto::NKey agents, crypto::NKey system,
             crypto::NKey user)
      : operator_(std::move(op)),
        account_(std::move(account)),
        agents_(std::move(agents)),
        system_(std::move(system)),
        user_(std::move(user)) {}

  crypto::NKey operator_;
  crypto::NKey account_;
  crypto::NKey agents_;  // signs agents, within the limits of their role
  crypto::NKey system_;
  crypto::NKey user_;  // of the hub itself, in both accounts
  std::string operator_jwt_;
  std::string system_jwt_;
};

}  // namespace qleet::hub
