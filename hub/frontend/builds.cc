#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/crypto/encoding.h"
#include "common/crypto/token.h"
#include "common/model/image_name.h"
#include "common/model/model.h"
#include "hub/controllers/events.h"
#include "hub/controllers/releases.h"
#include "hub/frontend/build_fate.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;

constexpr Millis kAnswersKept = std::chrono::hours(24);
constexpr size_t kForgetAtOnce = 16;

// Among whose names the nearest followed image is looked for.
constexpr size_t kMostFollowed = 10'000;

Result<> check_build(const v1::BuildSpec& build) {
  auto errors = model::validate(build);
  if (build.digest().empty()) {
    std::erase_if(errors, [](const FieldError& error) {
      return error.field == "tag" && error.message.starts_with("is missing");
    });
    errors.push_back(
        {"digest",
         "is missing: sha256:<64 hex digits>, as the registry or podman push --digestfile gives it"});
  }
  if (errors.empty()) return {};
  Error error{Code::kInvalid, fmt::format("{}: {}", errors.front().field, errors.front().message), {}};
  error.fields = std::move(errors);
  return std::unexpected(std::move(error));
}

bool may_reach(const Caller& caller, std::string_view application) {
  return caller.applications.empty() ||
         std::ranges::find(caller.applications, application) != caller.applications.end();
}

std::string hash_of(const v1::BuildSpec& build) { return crypto::sha256_hex(model::to_json(build)); }

// What must be followed, and was not: nothing is kept of it, so that there is no build to name.
bool was_refused(const v1::DeliveryAnswers& answers) {
  return answers.state() == kNotFollowed && answers.build().empty();
}

// Nothing: the key is new.
Result<std::optional<v1::DeliveryAnswers>> known_answer(Work& work, const std::string& subject,
                                                        const std::string& key, const v1::BuildSpec& build) {
  const auto entry = TRY(work.txn.get(keys::idem(subject, key)));
  if (!entry) return std::nullopt;
  v1::DeliveryAnswers answers;
  if (!answers.ParseFromString(entry->value)) return std::nullopt;
  const auto asked = TRY(work.txn.get(keys::idem_body(subject, key)));
  if (asked && asked->value != hash_of(build)) {
    const std::string message =
        "was used for another build within the last day; a key belongs to one notification: give this build "
        "a key of "
        "its own, for example its digest";
    return std::unexpected(Error{Code::kInvalid,
                                 fmt::format("header Idempotency-Key: {}", message),
                                 {{"Idempotency-Key", message}},
                                 std::string(kKeyReused)});
  }
  return answers;
}

Result<> remember(Work& work, const std::string& subject, const std::string& key, const v1::BuildSpec& build,
                  const v1::DeliveryAnswers& answers) {
  const auto millis = [](WallTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  };
  for (const auto& entry : TRY(work.txn.scan({.prefix = "x/idem-due/", .limit = kForgetAtOnce}))) {
    const auto parts = keys::segments(entry.key);
    if (parts.size() != 5 || parts[2] > keys::hex16(millis(work.now()))) break;
    work.txn.erase(keys::idem(parts[3], parts[4]));
    work.txn.erase(keys::idem_body(parts[3], parts[4]));
    work.txn.erase(entry.key);
  }
  work.txn.put(keys::idem(subject, key), answers.SerializeAsString());
  work.txn.put(keys::idem_body(subject, key), hash_of(build));
  work.txn.put(keys::idem_due(millis(work.now() + kAnswersKept), subject, key), "");
  return {};
}

// Who follows the image, and of them who takes this build.
struct Followers {
  std::vector<std::string> apps;
  std::vector<std::string> others;  // "shop/web, tags main-*": who follows the image and not this build
};

Result<Followers> followers(const Reader& reader, const Caller& caller, const v1::BuildSpec& build) {
  std::set<std::string> names;
  for (const auto& spelling : model::spellings(build.image())) {
    for (const auto& entry : TRY(reader.scan({.prefix = keys::image(spelling, "")})))
      names.emplace(keys::last(entry.key));
  }
  Followers found;
  for (const auto& name : names) {
    if (!may_reach(caller, name) || (!build.application().empty() && build.application() != name)) continue;
    const auto app = TRY(objects::get<v1::Application>(reader, name));
    if (!app || app->metadata().has_deletion_timestamp()) continue;
    bool takes = false;
    std::map<std::string, std::string> unlike;  // workload -> tags
    for (const auto& [workload, definition] : app->spec().workloads()) {
      if (!definition.has_builds() || !model::same_repository(definition.builds().image(), build.image()))
        continue;
      takes = takes || controllers::follows(definition, build);
      unlike[workload] = definition.builds().tags();
    }
    if (takes) {
      found.apps.push_back(name);
      continue;
    }
    for (const auto& [workload, tags] : unlike)
      found.others.push_back(fmt::format("{}/{} (tags \"{}\")", name, workload, tags));
  }
  return found;
}

// The followed image that is most like this one; empty: nothing is followed, or nothing like it.
Result<std::string> nearest_image(const Reader& reader, const Caller& caller, const std::string& image) {
  std::set<std::string> followed;
  for (const auto& entry : TRY(reader.scan({.prefix = "x/image/", .limit = kMostFollowed}))) {
    const auto parts = keys::segments(entry.key);
    if (parts.size() != 4 || !may_reach(caller, parts[3])) continue;
    if (const auto name = crypto::unbase64url(parts[2])) followed.insert(*name);
  }
  const std::vector<std::string> all(followed.begin(), followed.end());
  if (auto near = model::nearest(image, all); !near.empty()) return near;
  // Another registry, or another folder of it: the last part says most.
  const auto last = image.substr(image.rfind('/') + 1);
  std::vector<std::string> lasts;
  for (const auto& one : all) lasts.push_back(one.substr(one.rfind('/') + 1));
  const auto near = model::nearest(last, lasts);
  const auto at = std::ranges::find(lasts, near.empty() ? last : near);
  if (at != lasts.end()) return all[static_cast<size_t>(at - lasts.begin())];
  return all.size() == 1 ? all.front() : std::string();
}

Result<> say_not_followed(Work& work, const Caller& caller, const v1::BuildSpec& build, const Followers& who,
                          v1::DeliveryAnswers& answers) {
  answers.set_state(std::string(kNotFollowed));
  const auto name = fmt::format("{}{}{}", build.image(), build.tag().empty() ? "" : ":", build.tag());
  const auto where =
      build.application().empty() ? std::string() : fmt::format(" in application {}", build.application());
  if (!who.others.empty()) {
    answers.set_nearest_image(build.image());
    answers.set_message(fmt::format("nothing follows {}{}: the image is followed with other tags, by {}",
                                    name, where, list_some(who.others)));
    return {};
  }
  answers.set_nearest_image(TRY(nearest_image(work.txn, caller, build.image())));
  answers.set_message(
      fmt::format("nothing follows {}{}; {}", name, where,
                  answers.nearest_image().empty()
                      ? std::string("a workload follows an image that stands under its builds.image")
                      : fmt::format("the nearest image that is followed is {}", answers.nearest_image())));
  return {};
}

// A token for some applications tells of builds for these alone, also those that are kept for later.
Result<v1::BuildSpec> within_reach(const Reader& reader, const Caller& caller, v1::BuildSpec spec) {
  if (caller.applications.empty()) return spec;
  const auto all = fmt::format("{}", fmt::join(caller.applications, ", "));
  if (!spec.application().empty()) {
    if (may_reach(caller, spec.application())) return spec;
    return fail(Code::kDenied, fmt::format("{} is for {} {} alone, not for application {}", caller.subject,
                                           caller.applications.size() == 1 ? "application" : "applications",
                                           all, spec.application()));
  }
  const auto who = caller.applications.size() == 1 ? std::vector<std::string>(caller.applications)
                                                   : TRY(followers(reader, caller, spec)).apps;
  if (who.size() != 1) {
    const auto message =
        who.empty()
            ? fmt::format(
                  "is missing: {} is for the applications {}, and none of them follows this image; "
                  "say for which one it is",
                  caller.subject, all)
            : fmt::format("is missing: {} follow this image; say for which one it is", list_some(who));
    return std::unexpected(Error{Code::kInvalid, "application: " + message, {{"application", message}}});
  }
  spec.set_application(who.front());
  return spec;
}

Result<> deliver_build(Work& work, const Caller& caller, const v1::BuildSpec& given,
                       const NotifyOptions& options, v1::DeliveryAnswers& answers) {
  const auto spec = TRY(within_reach(work.txn, caller, given));
  // One that a token is for may come later.
  if (!spec.application().empty() && caller.applications.empty())
    TRY(existing<v1::Application>(work.txn, spec.application()));
  const auto who = TRY(followers(work.txn, caller, spec));
  if (who.apps.empty() && options.must_be_followed) return say_not_followed(work, caller, spec, who, answers);
  const auto name = controllers::build_name(spec);
  answers.set_build(name);
  auto build = TRY(objects::get<v1::Build>(work.txn, name)).value_or(v1::Build());
  const bool known = !build.metadata().uid().empty();
  build.mutable_metadata()->set_name(name);
  *build.mutable_spec() = spec;
  note_notifier(build, caller.subject);
  TRY(objects::put(work.txn, build, work.stamp));
  for (const auto& app : who.apps) {
    const controllers::Cause cause{.subject = caller.subject, .build = controllers::NamedBuild{name, spec}};
    for (auto& answer : TRY(controllers::deliver(work, app, cause)).answers)
      *answers.add_releases() = std::move(answer);
  }
  const bool changes = std::ranges::any_of(answers.releases(),
                                           [](const auto& answer) { return answer.state() != "Unchanged"; });
  if (who.apps.empty()) {
    TRY(say_not_followed(work, caller, spec, who, answers));
  } else {
    answers.set_state(changes ? "Delivered" : "Unchanged");
    if (!changes && !answers.releases().empty()) answers.set_message(answers.releases(0).reason());
  }
  *build.mutable_status()->mutable_releases() = answers.releases();
  TRY(objects::put_status(work.txn, build));
  if (known && !changes) return {};
  return controllers::record_audit(
      work, {caller.subject, "notify", "Build", name, fmt::format("{}:{}", spec.image(), spec.tag())});
}

}  // namespace

Result<v1::DeliveryAnswers> notify_build(const Context& context, const Caller& caller,
                                         const v1::BuildSpec& build, const NotifyOptions& options) {
  TRY(check_build(build));
  const auto& given = options.idempotency_key;
  const auto key = given.empty() ? std::string() : crypto::sha256_hex(given);
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    if (!key.empty()) {
      if (auto known = TRY(known_answer(work, caller.subject, key, build))) {
        // Where nothing was done, and it need not be followed now, it is done now.
        if (!was_refused(*known) || options.must_be_followed) {
          answers = *std::move(known);
          return {};
        }
      }
    }
    TRY(deliver_build(work, caller, build, options, answers));
    if (key.empty()) return {};
    answers.set_revision(work.txn.revision());
    return remember(work, caller.subject, key, build, answers);
  }));
  if (options.must_be_followed && answers.state() == kNotFollowed)
    return std::unexpected(Error{Code::kNotFound, answers.message(), {}, std::string(kNotFollowed)});
  // Also where it was kept by a hub of before.
  if (answers.revision() == 0) answers.set_revision(revision);
  return answers;
}

}  // namespace qleet::hub::frontend
