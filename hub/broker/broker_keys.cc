#include "hub/broker/broker_keys.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "common/crypto/private_file.h"
#include "common/sync/limits.h"

namespace qleet::hub {
namespace {

namespace fs = std::filesystem;
using crypto::KeyKind;
using crypto::NKey;

struct Named {
  std::string_view name;
  KeyKind kind;
};
constexpr std::array<Named, 5> kKeys = {{{"operator", KeyKind::kOperator},
                                         {"account", KeyKind::kAccount},
                                         {"agents", KeyKind::kAccount},
                                         {"system", KeyKind::kAccount},
                                         {"hub", KeyKind::kUser}}};

// A subscription each, and room for requests.
constexpr int kAgentSubscriptions = 32;

std::string new_keys(crypto::Random& random) {
  std::string text;
  for (const auto& [name, kind] : kKeys)
    text += fmt::format("{} {}\n", name, NKey::generate(kind, random).seed());
  return text;
}

Result<NKey> find_key(const fs::path& path, std::string_view text, const Named& wanted) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = line.find(' ');
    if (space == std::string_view::npos || line.substr(0, space) != wanted.name) continue;
    auto key = NKey::from_seed(line.substr(space + 1));
    if (key && key->kind() == wanted.kind) return std::move(*key);
    return fail(Code::kInvalid, fmt::format("{}: the key \"{}\" is damaged; restore the file from a backup",
                                            path.string(), wanted.name));
  }
  return fail(Code::kInvalid, fmt::format("{}: the key \"{}\" is missing; restore the file from a backup",
                                          path.string(), wanted.name));
}

// The file's content; minted and kept if there is none.
Result<std::string> kept(const fs::path& path, const Result<std::string>& minted) {
  auto found = crypto::read_private_file(path);
  if (found || found.error().code != Code::kNotFound) return found;
  std::string jwt = TRY(std::as_const(minted));
  TRY(crypto::write_private_file(path, jwt));
  return jwt;
}

}  // namespace

Result<BrokerKeys> BrokerKeys::open(const fs::path& folder, crypto::Random& random, WallTime now) {
  const fs::path path = folder / "keys";
  auto text = crypto::read_private_file(path);
  if (!text && text.error().code == Code::kNotFound) {
    std::error_code error;
    if (fs::exists(folder / "operator.jwt", error)) {
      return fail(
          Code::kInvalid,
          fmt::format("{}: missing, while {} has other files of the broker; restore it from a backup, or "
                      "remove the folder and enrol every agent again",
                      path.string(), folder.string()));
    }
    if (auto made = crypto::create_private_file(path, new_keys(random));
        !made && made.error().code != Code::kExists) {
      return std::unexpected(made.error());
    }
    text = crypto::read_private_file(path);
  }
  const std::string seeds = TRY(std::move(text));
  BrokerKeys keys(TRY(find_key(path, seeds, kKeys[0])), TRY(find_key(path, seeds, kKeys[1])),
                  TRY(find_key(path, seeds, kKeys[2])), TRY(find_key(path, seeds, kKeys[3])),
                  TRY(find_key(path, seeds, kKeys[4])));
  keys.operator_jwt_ =
      TRY(kept(folder / "operator.jwt",
               mint(keys.operator_, crypto::OperatorToken{"qleet", keys.system_account()}, now)));
  keys.system_jwt_ =
      TRY(kept(folder / "system.jwt",
               mint(keys.operator_, crypto::AccountToken{"system", keys.system_account(), {}, {}}, now)));
  return keys;
}

Result<std::string> BrokerKeys::mint_account(const std::map<std::string, WallTime>& revocations,
                                             WallTime issued) const {
  crypto::SigningRole role{
      .public_key = agents_.public_key(),
      .role = "agent",
      .permissions = {.publish = {"status.{{name()}}", "sync.{{name()}}", "heartbeat.{{name()}}",
                                  "logs.{{name()}}.>"},
                      .subscribe = {"desired.{{name()}}", "poke.{{name()}}", "ack.{{name()}}",
                                    "command.{{name()}}", "_INBOX.{{name()}}.>"},
                      .max_responses = 4,
                      .response_time = std::chrono::minutes(5)},
      .max_subscriptions = kAgentSubscriptions,
      .max_payload = sync::kMaxMessageBytes};
  return mint(operator_, crypto::AccountToken{"fleet", account(), {std::move(role)}, revocations}, issued);
}

Result<std::string> BrokerKeys::mint_agent(const std::string& name, const std::string& public_key,
                                           WallTime now) const {
  return mint(
      agents_,
      crypto::UserToken{
          .name = name, .public_key = public_key, .account = account(), .permissions = {}, .expires = {}},
      now);
}

Result<Credentials> BrokerKeys::hub_credentials(WallTime now) const {
  const crypto::SubjectPermissions permissions{
      .publish = {"desired.*", "poke.*", "ack.*", "command.*", "_INBOX.>"},
      .subscribe = {"sync.*", "status.*", "heartbeat.*", "logs.>", fmt::format("_INBOX.{}.>", kHubUser)}};
  return Credentials{TRY(mint(account_,
                              crypto::UserToken{.name = std::string(kHubUser),
                                                .public_key = user_.public_key(),
                                                .account = account(),
                                                .permissions = permissions,
                                                .expires = {}},
                              now)),
                     user_.seed()};
}

Result<Credentials> BrokerKeys::system_credentials(WallTime now) const {
  const crypto::SubjectPermissions permissions{
      .publish = {"$SYS.REQ.CLAIMS.UPDATE"},
      .subscribe = {fmt::format("_INBOX.{}.>", kSystemUser),
                    fmt::format("$SYS.ACCOUNT.{}.DISCONNECT", account())}};
  return Credentials{TRY(mint(system_,
                              crypto::UserToken{.name = std::string(kSystemUser),
                                                .public_key = user_.public_key(),
                                                .account = system_account(),
                                                .permissions = permissions,
                                                .expires = {}},
                              now)),
                     user_.seed()};
}

}  // namespace qleet::hub
