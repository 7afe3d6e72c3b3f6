#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/clock/duration.h"
#include "common/crypto/token.h"
#include "hub/access/roles.h"
#include "hub/controllers/events.h"
#include "hub/frontend/cross_checks.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;

constexpr size_t kIdLength = 8;
constexpr int kMaxTokens = 100;

Result<std::optional<Millis>> validity(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration || *duration <= Millis(0)) {
    const auto message = fmt::format("\"{}\" is no duration: write for example 90d", text);
    return std::unexpected(Error{Code::kInvalid, "validFor: " + message, {{"validFor", message}}});
  }
  return *duration;
}

// A token cannot be for other applications than its account.
Result<> same_applications(const v1::ServiceAccount& account, const v1::TokenRequest& request) {
  const auto sorted = [](const auto& names) { return std::set<std::string>(names.begin(), names.end()); };
  const auto asked = sorted(request.applications());
  const auto has = sorted(account.spec().applications());
  if (asked.empty() || asked == has) return {};
  return fail(
      Code::kConflict,
      fmt::format("service account {} is for {}, not for {}: change it with apply, or make another account",
                  request.service_account(),
                  has.empty() ? "every application" : fmt::format("application {}", fmt::join(has, ", ")),
                  fmt::format("application {}", fmt::join(asked, ", "))));
}

// The account, made where it is missing and a role was given.
Result<v1::ServiceAccount> account_for(Work& work, const v1::TokenRequest& request) {
  auto account = TRY(objects::get<v1::ServiceAccount>(work.txn, request.service_account()));
  if (account) {
    if (!request.role().empty() && request.role() != account->spec().role())
      return fail(Code::kConflict,
                  fmt::format("service account {} has role {}, not {}: change it with apply",
                              request.service_account(), account->spec().role(), request.role()));
    TRY(same_applications(*account, request));
    return *std::move(account);
  }
  if (request.role().empty())
    return std::unexpected(
        no_such(work.txn, model::kind_of(v1::ServiceAccount::default_instance()), request.service_account()));
  if (!model::is_name(request.service_account())) {
    const auto message =
        fmt::format("\"{}\" is no name: lower-case letters, digits and -", request.service_account());
    return std::unexpected(
        Error{Code::kInvalid, "serviceAccount: " + message, {{"serviceAccount", message}}});
  }
  if (access::builtin_role(request.role()) == nullptr) TRY(existing<v1::Role>(work.txn, request.role()));
  v1::ServiceAccount made;
  made.mutable_metadata()->set_name(request.service_account());
  made.mutable_spec()->set_role(request.role());
  *made.mutable_spec()->mutable_applications() = request.applications();
  if (auto errors = model::validate(made); !errors.empty()) {
    for (auto& error : errors)
      if (error.field.starts_with("spec.")) error.field = error.field.substr(5);
    return std::unexpected(model::invalid(std::move(errors)));
  }
  TRY(objects::put(work.txn, made, work.stamp));
  return made;
}

}  // namespace

Result<std::vector<std::string>> unknown_applications(const Reader& reader,
                                                      const v1::ServiceAccount& account) {
  std::vector<std::string> warnings;
  const auto& kind = model::kind_of(v1::Application::default_instance());
  for (const auto& name : account.spec().applications()) {
    if (TRY(objects::get(reader, kind, name))) continue;
    warnings.push_back(fmt::format("service account {}: {}; its tokens are of use for that once it is there",
                                   account.metadata().name(), no_such(reader, kind, name).message));
  }
  return warnings;
}

Result<v1::TokenResult> create_service_account_token(const Context& context, const Caller& caller,
                                                     const v1::TokenRequest& request) {
  const auto valid_for = TRY(validity(request.valid_for()));
  const auto token = crypto::random_token(random_of(context), crypto::kServiceAccountPrefix);
  const auto hash = crypto::sha256_hex(token);
  v1::TokenResult result;
  TRY(in_transaction(context, [&](Work& work) -> Result<> {
    auto account = TRY(account_for(work, request));
    auto& tokens = *account.mutable_status()->mutable_tokens();
    for (int i = tokens.size() - 1; i >= 0; --i) {
      if (!tokens[i].has_expires() || objects::wall_time(tokens[i].expires()) > work.now()) continue;
      work.txn.erase(keys::token(tokens[i].sha256()));
      tokens.DeleteSubrange(i, 1);
    }
    if (tokens.size() >= kMaxTokens)
      return fail(Code::kExhausted, fmt::format("service account {} has {} tokens: revoke some first",
                                                request.service_account(), tokens.size()));
    auto& issued = *tokens.Add();
    issued.set_id(hash.substr(0, kIdLength));
    issued.set_sha256(hash);
    *issued.mutable_created() = objects::timestamp(work.now());
    if (valid_for) *issued.mutable_expires() = objects::timestamp(work.now() + *valid_for);
    work.txn.put(keys::token(hash), account.metadata().name());
    result.set_service_account(account.metadata().name());
    result.set_id(issued.id());
    if (issued.has_expires()) *result.mutable_expires() = issued.expires();
    result.clear_warnings();
    for (auto& warning : TRY(unknown_applications(work.txn, account)))
      result.add_warnings(std::move(warning));
    TRY(objects::put_status(work.txn, account));
    return controllers::record_audit(work, {caller.subject, "token", "ServiceAccount",
                                            account.metadata().name(), fmt::format("token {}", result.id())});
  }));
  result.set_token(token);
  return result;
}

Result<> revoke_token(const Context& context, const Caller& caller, std::string_view service_account,
                      std::string_view token_id) {
  const auto done = in_transaction(context, [&](Work& work) -> Result<> {
    auto account = TRY(existing<v1::ServiceAccount>(work.txn, service_account));
    auto& tokens = *account.mutable_status()->mutable_tokens();
    const auto found = std::ranges::find(tokens, token_id, &v1::IssuedToken::id);
    if (found == tokens.end())
      return fail(Code::kNotFound,
                  fmt::format("service account {} has no token {}", service_account, token_id));
    work.txn.erase(keys::token(found->sha256()));
    tokens.erase(found);
    TRY(objects::put_status(work.txn, account));
    return controllers::record_audit(work, {caller.subject, "revoke", "ServiceAccount", service_account,
                                            fmt::format("token {}", token_id)});
  });
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace qleet::hub::frontend
