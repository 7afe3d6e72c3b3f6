#include <fmt/format.h>

#include "common/crypto/token.h"
#include "common/model/model.h"
#include "hub/controllers/events.h"
#include "hub/controllers/releases.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;

constexpr Millis kAnswersKept = std::chrono::hours(24);
constexpr size_t kForgetAtOnce = 16;

Result<> check_build(const v1::BuildSpec& build) {
  std::vector<FieldError> errors;
  const auto wrong = [&](std::string field, std::string message) {
    errors.push_back({std::move(field), std::move(message)});
  };
  const auto colon = build.image().rfind(':');
  const auto slash = build.image().rfind('/');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  if (build.image().empty()) {
    wrong("image", "is missing: the repository without tag, for example registry.example/shop/web");
  } else if (tagged || build.image().find('@') != std::string::npos) {
    wrong("image", "must be a repository without tag and digest; those have fields of their own");
  }
  const auto& digest = build.digest();
  const bool hex = digest.size() == 71 && digest.starts_with("sha256:") &&
                   digest.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
  if (digest.empty()) {
    wrong("digest",
          "is missing: sha256:<64 hex digits>, as the registry or podman push --digestfile gives it");
  } else if (!hex) {
    wrong("digest",
          fmt::format("\"{}\" is no digest: sha256:<64 lower-case hex digits>", digest.substr(0, 80)));
  }
  if (build.tag().size() > 128) wrong("tag", "has more than 128 characters");
  if (build.image().size() > 255) wrong("image", "has more than 255 characters");
  if (errors.empty()) return {};
  Error error{Code::kInvalid, fmt::format("{}: {}", errors.front().field, errors.front().message), {}};
  error.fields = std::move(errors);
  return std::unexpected(std::move(error));
}

Result<std::optional<v1::DeliveryAnswers>> known_answer(Work& work, const std::string& key) {
  const auto entry = TRY(work.txn.get(key));
  if (!entry) return std::nullopt;
  v1::DeliveryAnswers answers;
  if (!answers.ParseFromString(entry->value)) return std::nullopt;
  return answers;
}

Result<> remember(Work& work, const std::string& subject, const std::string& digest,
                  const v1::DeliveryAnswers& answers) {
  const auto millis = [](WallTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  };
  for (const auto& entry : TRY(work.txn.scan({.prefix = "x/idem-due/", .limit = kForgetAtOnce}))) {
    const auto parts = keys::segments(entry.key);
    if (parts.size() != 5 || parts[2] > keys::hex16(millis(work.now()))) break;
    work.txn.erase(keys::idem(parts[3], parts[4]));
    work.txn.erase(entry.key);
  }
  work.txn.put(keys::idem(subject, digest), answers.SerializeAsString());
  work.txn.put(keys::idem_due(millis(work.now() + kAnswersKept), subject, digest), "");
  return {};
}

Result<std::vector<std::string>> followers(const Reader& reader, const v1::BuildSpec& build) {
  std::vector<std::string> apps;
  for (const auto& entry : TRY(reader.scan({.prefix = keys::image(build.image(), "")}))) {
    const auto name = keys::last(entry.key);
    if (build.application().empty() || build.application() == name) apps.emplace_back(name);
  }
  return apps;
}

Result<> deliver_build(Work& work, const Caller& caller, const v1::BuildSpec& spec,
                       v1::DeliveryAnswers& answers) {
  if (!spec.application().empty()) TRY(existing<v1::Application>(work.txn, spec.application()));
  const auto name = controllers::build_name(spec);
  answers.set_build(name);
  v1::Build build;
  build.mutable_metadata()->set_name(name);
  *build.mutable_spec() = spec;
  const bool known = TRY(objects::get<v1::Build>(work.txn, name)).has_value();
  if (!known) TRY(objects::put(work.txn, build, work.stamp));
  for (const auto& app : TRY(followers(work.txn, spec))) {
    controllers::Cause cause{.subject = caller.subject, .build = {}};
    if (!known) cause.build = controllers::NamedBuild{name, spec};
    for (auto& answer : TRY(controllers::deliver(work, app, cause))) {
      // Told again: what came of it the first time is under way or done.
      if (known && answer.state() == "RollingOut") answer.set_state("Unchanged");
      *answers.add_releases() = std::move(answer);
    }
  }
  if (known) return {};
  *build.mutable_status()->mutable_releases() = answers.releases();
  TRY(objects::put_status(work.txn, build));
  return controllers::record_audit(
      work, {caller.subject, "notify", "Build", name, fmt::format("{}:{}", spec.image(), spec.tag())});
}

}  // namespace

Result<v1::DeliveryAnswers> notify_build(const Context& context, const Caller& caller,
                                         const v1::BuildSpec& build, std::string_view idempotency_key) {
  TRY(check_build(build));
  const auto digest = idempotency_key.empty() ? std::string() : crypto::sha256_hex(idempotency_key);
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    if (!digest.empty()) {
      if (auto known = TRY(known_answer(work, keys::idem(caller.subject, digest)))) {
        answers = *std::move(known);
        return {};
      }
    }
    TRY(deliver_build(work, caller, build, answers));
    return digest.empty() ? Result<>() : remember(work, caller.subject, digest, answers);
  }));
  answers.set_revision(revision);
  return answers;
}

Result<v1::DeliveryAnswers> approve(const Context& context, const Caller& caller,
                                    const v1::ApproveRequest& request) {
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    TRY(existing<v1::Application>(work.txn, request.application()));
    auto answer = TRY(controllers::approve_candidate(work, request.application(), request.environment(),
                                                     request.release(), caller.subject));
    const auto detail = fmt::format("release {} in {}", answer.release(), request.environment());
    if (answer.state() != "Unchanged")
      TRY(controllers::record_audit(
          work, {caller.subject, "approve", "Application", request.application(), detail}));
    *answers.add_releases() = std::move(answer);
    return {};
  }));
  answers.set_revision(revision);
  return answers;
}

Result<v1::DeliveryAnswers> rollback(const Context& context, const Caller& caller,
                                     const v1::RollbackRequest& request) {
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    TRY(existing<v1::Application>(work.txn, request.application()));
    const controllers::Rollback wanted{request.application(), request.environment(), request.to_release(),
                                       caller.subject, request.force()};
    auto to = request.to_release();
    for (auto& answer : TRY(controllers::roll_back(work, wanted))) {
      if (answer.content_of() != 0) to = answer.content_of();
      *answers.add_releases() = std::move(answer);
    }
    const auto detail = fmt::format("to release {}{}{}{}", to, request.environment().empty() ? "" : " in ",
                                    request.environment(), request.force() ? ", forced" : "");
    return controllers::record_audit(
        work, {caller.subject, "rollback", "Application", request.application(), detail});
  }));
  answers.set_revision(revision);
  return answers;
}

}  // namespace qleet::hub::frontend
