#include "common/crypto/jwt.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <openssl/evp.h>

#include <array>

#include "common/crypto/encoding.h"

namespace qleet::crypto {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kHeader = R"({"typ":"JWT","alg":"ed25519-nkey"})";

std::int64_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallTime from_seconds(double value) {
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(value)));
}

Value& field(Struct& object, const std::string& name) { return (*object.mutable_fields())[name]; }
Struct& object_field(Struct& object, const std::string& name) {
  return *field(object, name).mutable_struct_value();
}
void set(Struct& object, const std::string& name, const std::string& value) {
  field(object, name).set_string_value(value);
}
void set(Struct& object, const std::string& name, std::int64_t value) {
  field(object, name).set_number_value(static_cast<double>(value));
}

std::string to_json(const Struct& object) {
  std::string out;
  // A Struct of strings and finite numbers always prints.
  (void)google::protobuf::util::MessageToJsonString(object, &out);
  return out;
}

std::string token_id(const std::string& json) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(json.data(), json.size(), digest.data(), &size, EVP_sha512_256(), nullptr);
  return base32({reinterpret_cast<const char*>(digest.data()), size});
}

std::string finish(const NKey& signer, Struct claims, const std::string& name, const std::string& subject,
                   WallTime now) {
  set(claims, "iss", signer.public_key());
  set(claims, "sub", subject);
  set(claims, "name", name);
  set(claims, "iat", seconds(now));
  set(claims, "jti", token_id(to_json(claims)));
  const std::string signed_part = base64url(kHeader) + "." + base64url(to_json(claims));
  return signed_part + "." + base64url(signer.sign(signed_part));
}

Result<> expect_kind(std::string_view what, std::string_view public_key, KeyKind kind) {
  const auto found = parse_public_key(public_key);
  if (!found) return std::unexpected(wrap(found.error(), what));
  if (*found != kind) return fail(Code::kInvalid, fmt::format("{}: a key of another kind", what));
  return {};
}

void set_allow(Struct& permissions, const std::string& name, const std::vector<std::string>& subjects) {
  Struct& object = object_field(permissions, name);
  // An empty list of allowed subjects would mean "all".
  auto* list = field(object, subjects.empty() ? "deny" : "allow").mutable_list_value();
  if (subjects.empty()) list->add_values()->set_string_value(">");
  for (const auto& subject : subjects) list->add_values()->set_string_value(subject);
}

void set_permissions(Struct& object, const SubjectPermissions& permissions) {
  set_allow(object, "pub", permissions.publish);
  set_allow(object, "sub", permissions.subscribe);
  if (permissions.max_responses == 0) return;
  Struct& responses = object_field(object, "resp");
  set(responses, "max", permissions.max_responses);
  set(responses, "ttl",
      std::chrono::duration_cast<std::chrono::nanoseconds>(permissions.response_time).count());
}

void set_user_limits(Struct& object, int subscriptions, std::int64_t payload) {
  set(object, "subs", subscriptions);
  set(object, "data", -1);
  set(object, "payload", payload);
}

void set_account_limits(Struct& nats) {
  Struct& limits = object_field(nats, "limits");
  for (const char* name : {"subs", "data", "payload", "imports", "exports", "conn", "leaf"}) {
    set(limits, name, -1);
  }
  field(limits, "wildcards").set_bool_value(true);
}

std::string text_of(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? std::string() : found->second.string_value();
}

double number_of(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? 0 : found->second.number_value();
}

}  // namespace

Result<std::string> mint(const NKey& operator_key, const OperatorToken& token, WallTime now) {
  TRY(expect_kind("operator", operator_key.public_key(), KeyKind::kOperator));
  TRY(expect_kind("system account", token.system_account, KeyKind::kAccount));
  Struct claims;
  Struct& nats = object_field(claims, "nats");
  set(nats, "type", "operator");
  set(nats, "version", 2);
  set(nats, "system_account", token.system_account);
  return finish(operator_key, std::move(claims), token.name, operator_key.public_key(), now);
}

Result<std::string> mint(const NKey& operator_key, const AccountToken& token, WallTime now) {
  TRY(expect_kind("operator", operator_key.public_key(), KeyKind::kOperator));
  TRY(expect_kind("account", token.public_key, KeyKind::kAccount));
  Struct claims;
  Struct& nats = object_field(claims, "nats");
  set(nats, "type", "account");
  set(nats, "version", 2);
  set_account_limits(nats);
  for (const auto& role : token.roles) {
    TRY(expect_kind("signing key", role.public_key, KeyKind::kAccount));
    Struct& scope = *field(nats, "signing_keys").mutable_list_value()->add_values()->mutable_struct_value();
    set(scope, "kind", "user_scope");
    set(scope, "key", role.public_key);
    set(scope, "role", role.role);
    Struct& rules = object_field(scope, "template");
    set_permissions(rules, role.permissions);
    set_user_limits(rules, role.max_subscriptions, role.max_payload);
  }
  for (const auto& [key, time] : token.revocations) {
    TRY(expect_kind("revocation", key, KeyKind::kUser));
    set(object_field(nats, "revocations"), key, seconds(time));
  }
  return finish(operator_key, std::move(claims), token.name, token.public_key, now);
}

Result<std::string> mint(const NKey& signer, const UserToken& token, WallTime now) {
  TRY(expect_kind("signer", signer.public_key(), KeyKind::kAccount));
  TRY(expect_kind("account", token.account, KeyKind::kAccount));
  TRY(expect_kind("user", token.public_key, KeyKind::kUser));
  if ((signer.public_key() == token.account) != token.permissions.has_value()) {
    return fail(Code::kInvalid,
                "a user signed by a role's key has no permissions of its own, one signed by the "
                "account's key needs them");
  }
  Struct claims;
  if (token.expires) set(claims, "exp", seconds(*token.expires));
  Struct& nats = object_field(claims, "nats");
  set(nats, "type", "user");
  set(nats, "version", 2);
  if (token.permissions) {
    set_permissions(nats, *token.permissions);
    set_user_limits(nats, -1, -1);
  } else {
    set(nats, "issuer_account", token.account);
  }
  return finish(signer, std::move(claims), token.name, token.public_key, now);
}

Result<Claims> decode(std::string_view jwt) {
  const auto first = jwt.find('.');
  const auto second = jwt.rfind('.');
  if (first == std::string_view::npos || first == second) return fail(Code::kInvalid, "not a token");
  const auto header = unbase64url(jwt.substr(0, first));
  const auto json = unbase64url(jwt.substr(first + 1, second - first - 1));
  const auto signature = unbase64url(jwt.substr(second + 1));
  Struct head;
  Struct claims;
  if (!header || !json || !signature || !google::protobuf::util::JsonStringToMessage(*header, &head).ok() ||
      !google::protobuf::util::JsonStringToMessage(*json, &claims).ok()) {
    return fail(Code::kInvalid, "not a token");
  }
  if (text_of(head, "alg") != "ed25519-nkey") {
    return fail(Code::kInvalid, "a token of another kind (its algorithm is not ed25519-nkey)");
  }
  Claims out;
  out.issuer = text_of(claims, "iss");
  if (!verify_signature(out.issuer, jwt.substr(0, second), *signature)) {
    return fail(Code::kInvalid, "a token whose signature is wrong");
  }
  const Struct& nats = claims.fields().contains("nats") ? claims.fields().at("nats").struct_value() : claims;
  out.type = text_of(nats, "type");
  out.name = text_of(claims, "name");
  out.subject = text_of(claims, "sub");
  out.issuer_account = text_of(nats, "issuer_account");
  out.issued = from_seconds(number_of(claims, "iat"));
  if (const double expires = number_of(claims, "exp"); expires > 0) out.expires = from_seconds(expires);
  if (const auto found = nats.fields().find("revocations"); found != nats.fields().end()) {
    for (const auto& [key, time] : found->second.struct_value().fields()) {
      out.revocations[key] = from_seconds(time.number_value());
    }
  }
  out.json = *json;
  return out;
}

}  // namespace qleet::crypto
