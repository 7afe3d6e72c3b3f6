#include "hub/api/auth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "common/crypto/token.h"
#include "common/model/model.h"
#include "hub/access/reach.h"
#include "hub/access/roles.h"
#include "hub/access/subjects.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

constexpr std::string_view kHowTo = "send the header \"Authorization: Bearer <token>\"";
constexpr size_t kLongestToken = 512;

Result<std::string_view> bearer(std::string_view authorization) {
  if (authorization.empty()) return fail(Code::kUnauthenticated, fmt::format("no credentials: {}", kHowTo));
  constexpr std::string_view scheme = "bearer ";
  const bool is_bearer =
      authorization.size() > scheme.size() &&
      std::ranges::equal(authorization.substr(0, scheme.size()), scheme,
                         [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
  if (!is_bearer)
    return fail(Code::kUnauthenticated, fmt::format("the credentials are no bearer token: {}", kHowTo));
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  if (authorization.empty() || authorization.size() > kLongestToken)
    return fail(Code::kUnauthenticated, fmt::format("the credentials are no bearer token: {}", kHowTo));
  return authorization;
}

// A role that does not exist gives nothing.
Result<> add_rules(const Reader& reader, const std::string& name, Subject& subject) {
  if (const v1::Role* role = access::builtin_role(name)) {
    subject.rules.MergeFrom(role->spec().rules());
  } else if (const auto stored = TRY(objects::get<v1::Role>(reader, name))) {
    subject.rules.MergeFrom(stored->spec().rules());
  }
  return {};
}

}  // namespace

bool Subject::may(std::string_view verb, std::string_view kind) const {
  return access::allows(rules, verb, kind) && (applications.empty() || access::reaches(verb, kind));
}

namespace {

std::unexpected<Error> out_of_reach(const Subject& subject, std::string_view what) {
  return fail(Code::kDenied, fmt::format("{} is for {} {} alone: {}", subject.name,
                                         subject.applications.size() == 1 ? "application" : "applications",
                                         fmt::join(subject.applications, ", "), what));
}

}  // namespace

Result<> Subject::require_application(std::string_view application) const {
  if (applications.empty() || std::ranges::find(applications, application) != applications.end()) return {};
  return out_of_reach(*this, fmt::format("not for application {}", application));
}

Result<> Subject::require_name(std::string_view kind, std::string_view name) const {
  if (applications.empty()) return {};
  const auto application = access::application_in(kind, name);
  if (!application || std::ranges::find(applications, *application) != applications.end()) return {};
  if (kind == "applications") return require_application(*application);
  return out_of_reach(*this, fmt::format("{} {} is not of it", kind, name));
}

Result<> Subject::require_object(const google::protobuf::Message& object) const {
  if (applications.empty() || access::within(object, applications)) return {};
  const auto& kind = model::kind_of(object);
  const auto& name = model::meta(object).name();
  TRY(require_name(kind.plural, name));
  if (kind.name == "Secret")
    return out_of_reach(*this, fmt::format("name them under spec.applications of secret {}", name));
  return out_of_reach(*this, fmt::format("{} {} is not of it", kind.plural, name));
}

Result<> Subject::require(std::string_view verb, std::string_view kind) const {
  if (may(verb, kind)) return {};
  if (access::allows(rules, verb, kind))
    return out_of_reach(*this, fmt::format("it may not {} {}", verb, kind));
  return fail(Code::kDenied,
              fmt::format("{} ({} {}) may not {} {}", name, roles.size() == 1 ? "role" : "roles",
                          roles.empty() ? "none" : fmt::format("{}", fmt::join(roles, ", ")), verb, kind));
}

Result<Subject> authenticate(const Reader& reader, const Clock& clock, std::string_view authorization) {
  const auto token = TRY(bearer(authorization));
  const std::string hash = crypto::sha256_hex(token);
  const auto owner = TRY(reader.get(keys::token(hash)));
  const auto unknown = [] { return fail(Code::kUnauthenticated, "the token is unknown, or was revoked"); };
  if (!owner) return unknown();
  const auto account = TRY(objects::get<v1::ServiceAccount>(reader, owner->value));
  if (!account) return unknown();
  const auto& tokens = account->status().tokens();
  const auto issued =
      std::ranges::find_if(tokens, [&](const v1::IssuedToken& t) { return t.sha256() == hash; });
  if (issued == tokens.end()) return unknown();
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.wall()).time_since_epoch().count();
  if (issued->has_expires() && issued->expires().seconds() <= now)
    return fail(Code::kUnauthenticated,
                fmt::format("the token {} of {} has expired: ask for a new one", issued->id(), owner->value));

  Subject subject;
  subject.name = "serviceaccount:" + owner->value;
  subject.applications = {account->spec().applications().begin(), account->spec().applications().end()};
  subject.roles = TRY(access::roles_of(reader, subject.name));
  for (const auto& role : subject.roles) TRY(add_rules(reader, role, subject));
  return subject;
}

}  // namespace qleet::hub::api
