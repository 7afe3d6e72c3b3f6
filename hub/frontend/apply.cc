#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "hub/access/roles.h"
#include "hub/controllers/application_data.h"
#include "hub/controllers/events.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/places.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/secrets.h"
#include "hub/controllers/store_offers.h"
#include "hub/frontend/cross_checks.h"
#include "hub/frontend/data_notices.h"
#include "hub/frontend/operation.h"
#include "hub/frontend/values_checks.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;
using objects::Written;

std::string label(const google::protobuf::Message& object) {
  std::string word(model::kind_of(object).name);
  for (auto& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return fmt::format("{} {}", word, model::meta(object).name());
}

Result<> check_request(const std::vector<model::Object>& objects, const ApplyOptions& options) {
  if (objects.empty()) return fail(Code::kInvalid, "there is nothing to apply");
  if (options.if_match && objects.size() != 1)
    return fail(Code::kInvalid, "If-Match speaks of one object, and there are several");
  std::set<std::pair<std::string_view, std::string>> seen;
  for (const auto& object : objects) {
    const auto& kind = model::kind_of(*object);
    if (!kind.user_writable)
      return fail(Code::kDenied, fmt::format("{} are written by the hub alone", kind.plural));
    if (!seen.insert({kind.plural, model::meta(*object).name()}).second)
      return fail(Code::kInvalid, fmt::format("{} is given twice", label(*object)));
    if (kind.name == "Role" && access::builtin_role(model::meta(*object).name()) != nullptr)
      return fail(Code::kDenied, fmt::format("{} is built in: give yours another name", label(*object)));
  }
  return {};
}

class Application {
 public:
  Application(Work& work, const Caller& caller, const ApplyOptions& options, v1::ApplyResult& result)
      : work_(work), caller_(caller), options_(options), result_(result) {}

  Result<> write(const google::protobuf::Message& given);
  Result<> check(const std::vector<model::Object>& objects, const Foreknowledge& foreknowledge);
  Result<> deliver();

 private:
  Result<> index(const google::protobuf::Message* before, const google::protobuf::Message& after);

  Work& work_;
  const Caller& caller_;
  const ApplyOptions& options_;
  v1::ApplyResult& result_;
  std::vector<std::string> applications_;
  std::map<std::string, v1::ApplicationSpec> before_;  // of applications that this changed
};

std::map<std::string, std::string> labels(const v1::Region& region) {
  return {region.metadata().labels().begin(), region.metadata().labels().end()};
}

// What a selector or a placement sees of a region. ChangeMap::region looks at the same.
bool chooses_alike(const v1::Region* before, const v1::Region& after) {
  return before != nullptr && before->spec().cordoned() == after.spec().cordoned() &&
         labels(*before) == labels(after);
}

// What follows from an object at once, so that whatever is written next can rely on it.
Result<> Application::index(const google::protobuf::Message* before, const google::protobuf::Message& after) {
  const auto& name = model::meta(after).name();
  if (const auto* app = dynamic_cast<const v1::Application*>(&after)) {
    const auto* known = dynamic_cast<const v1::Application*>(before);
    controllers::index_application(work_.txn, known, app);
    TRY(controllers::keep_wanted_offers(work_.txn, known, *app));
    // While it was being deleted it offered nothing.
    const bool was_going = known != nullptr && known->metadata().has_deletion_timestamp();
    TRY(controllers::wake_askers(work_, was_going ? nullptr : known, app));
    applications_.push_back(name);
  } else if (const auto* profile = dynamic_cast<const v1::Profile*>(&after)) {
    const auto* known = dynamic_cast<const v1::Profile*>(before);
    controllers::index_profile(work_.txn, known, profile);
    return controllers::mark_profile(work_.txn, known, *profile);
  } else if (const auto* secret = dynamic_cast<const v1::Secret*>(&after)) {
    const auto* known = dynamic_cast<const v1::Secret*>(before);
    controllers::index_secret(work_.txn, known, secret);
    if (known != nullptr && controllers::id_of(*known) != controllers::id_of(*secret))
      TRY(controllers::wake_askers(work_, controllers::id_of(*known)));
    return controllers::wake_askers(work_, controllers::id_of(*secret));
  } else if (dynamic_cast<const v1::Environment*>(&after) != nullptr) {
    TRY(controllers::refresh_environment(work_, name));
    return controllers::mark_environment(work_.txn, name);
  } else if (const auto* region = dynamic_cast<const v1::Region*>(&after)) {
    TRY(controllers::refresh_region(work_, name));
    if (chooses_alike(dynamic_cast<const v1::Region*>(before), *region)) return {};
    return controllers::mark_region(work_.txn, name);
  }
  return {};
}

Result<> Application::write(const google::protobuf::Message& given) {
  const auto& kind = model::kind_of(given);
  const auto& name = model::meta(given).name();
  const auto before = TRY(objects::get(work_.txn, kind, name));
  if (options_.expect == Expect::kCreate && before)
    return fail(Code::kExists, fmt::format("{} exists already", label(given)));
  if (options_.expect == Expect::kUpdate && !before) return std::unexpected(no_such(work_.txn, kind, name));
  if (options_.if_match) {
    if (!before) return std::unexpected(no_such(work_.txn, kind, name));
    TRY(objects::check_version(*before, *options_.if_match));
  }
  if (before) TRY(require_reach(caller_, *before));
  TRY(require_reach(caller_, given));
  const model::Object object(given.New());
  object->CopyFrom(given);
  auto written = TRY(objects::put_spec(work_.txn, *object, work_.stamp));
  if (model::meta(*object).has_deletion_timestamp()) {
    // Asked for again while it is being deleted.
    model::meta(*object).clear_deletion_timestamp();
    if (kind.name == "Application") TRY(controllers::take_back_application_data(work_, name));
    written = TRY(objects::put(work_.txn, *object, work_.stamp));
  }
  if (const auto* app = dynamic_cast<const v1::Application*>(before.get());
      app && written != Written::kNothing)
    before_[name] = app->spec();
  if (written != Written::kNothing) {
    TRY(index(before.get(), *object));
    TRY(controllers::record_audit(
        work_, {caller_.subject, written == Written::kCreated ? "create" : "update", kind.name, name, ""}));
  } else if (kind.name == "Application") {
    applications_.push_back(name);
  }
  auto& change = *result_.add_objects();
  change.set_kind(std::string(kind.name));
  change.set_name(name);
  change.set_action(written == Written::kCreated   ? "Created"
                    : written == Written::kChanged ? "Configured"
                                                   : "Unchanged");
  change.set_generation(model::meta(*object).generation());
  change.set_resource_version(model::meta(*object).resource_version());
  return {};
}

Result<> Application::check(const std::vector<model::Object>& objects, const Foreknowledge& foreknowledge) {
  Findings findings;
  for (const auto& object : objects) {
    const auto first = findings.errors.size();
    TRY(check_against_others(work_.txn, caller_.subject, *object, findings, foreknowledge));
    if (objects.size() == 1) continue;
    for (auto i = first; i < findings.errors.size(); ++i)
      findings.errors[i].message += fmt::format(" ({})", label(*object));
  }
  for (auto& warning : findings.warnings) result_.add_warnings(std::move(warning));
  if (findings.errors.empty()) return {};
  const auto& first = findings.errors.front();
  Error error{Code::kInvalid, fmt::format("{}: {}", first.field, first.message), {}};
  error.fields = std::move(findings.errors);
  return std::unexpected(std::move(error));
}

Result<> Application::deliver() {
  for (const auto& name : applications_) {
    controllers::Cause cause{.subject = caller_.subject, .build = {}, .asked = true, .before = {}};
    if (const auto before = before_.find(name); before != before_.end()) cause.before = before->second;
    auto delivered = TRY(controllers::deliver(work_, name, cause));
    for (auto& answer : delivered.answers) *result_.add_releases() = std::move(answer);
    for (auto& warning : delivered.warnings) result_.add_warnings(std::move(warning));
  }
  return {};
}

// Environments come before what refers to them, and so on.
int rank(const google::protobuf::Message& object) {
  const auto name = model::kind_of(object).name;
  if (name == "Region") return 0;
  if (name == "Environment") return 1;
  if (name == "Application") return 3;
  return 2;
}

constexpr std::string_view kOvertaken = "Overtaken";
constexpr int kTries = 4;

// One transaction.
Result<v1::ApplyResult> write_all(const Context& context, const Caller& caller,
                                  const std::vector<model::Object>& objects, const ApplyOptions& options,
                                  const Foreknowledge& foreknowledge) {
  TRY(check_request(objects, options));
  v1::ApplyResult result;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    result.Clear();
    if (foreknowledge.known != nullptr && TRY(is_outdated(work.txn, *foreknowledge.known)))
      return std::unexpected(
          Error{Code::kConflict,
                "profiles were changed again and again while this was looked at: nothing was changed; try "
                "again",
                {},
                std::string(kOvertaken)});
    Application application(work, caller, options, result);
    for (int turn = 0; turn <= 3; ++turn) {
      for (const auto& object : objects) {
        if (rank(*object) == turn) TRY(application.write(*object));
      }
    }
    // Checked after it: what its deployments want now is what others must leave room for.
    TRY(application.deliver());
    return application.check(objects, foreknowledge);
  }));
  result.set_revision(revision);
  // Written by rank, told in the order given.
  v1::ApplyResult ordered = result;
  ordered.clear_objects();
  for (const auto& object : objects) {
    for (const auto& change : result.objects()) {
      if (change.kind() == model::kind_of(*object).name && change.name() == model::meta(*object).name())
        *ordered.add_objects() = change;
    }
  }
  return ordered;
}

bool speaks_of_applications(const model::Object& object) {
  const auto* environment = dynamic_cast<const v1::Environment*>(object.get());
  return environment != nullptr && !environment->spec().applications().empty();
}

// What takes long to check is checked on a copy, and within the transaction only where it is otherwise by
// then: there is one writer, and everybody waits for it.
Result<v1::ApplyResult> write_briefly(const Context& context, const Caller& caller,
                                      const std::vector<model::Object>& objects,
                                      const ApplyOptions& options) {
  if (std::ranges::none_of(objects, speaks_of_applications))
    return write_all(context, caller, objects, options, {});
  for (int tries = 1;; ++tries) {
    KnownValues known;
    TRY(rehearse(context, [&](const Context& copy) -> Result<> {
      known.seen = TRY(copy.store.snapshot())->revision();
      TRY(write_all(copy, caller, objects, options, {.note = &known}));
      return {};
    }));
    auto result = write_all(context, caller, objects, options, {.known = &known});
    if (result || result.error().reason != kOvertaken || tries == kTries) return result;
  }
}

}  // namespace

Result<v1::ApplyResult> apply(const Context& context, const Caller& caller,
                              const std::vector<model::Object>& objects, const ApplyOptions& options) {
  auto wet = options;
  wet.dry_run = false;
  const auto foresight = TRY(may_leave_data(*TRY(context.store.snapshot()), objects));
  Result<Notices> data = Notices();
  if (foresight == Foresight::kRehearse)
    data = foresee_data(context, [&](const Context& copy) -> Result<> {
      TRY(apply_now(copy, caller, objects, wet));
      return {};
    });
  v1::ApplyResult result;
  if (options.dry_run) {
    TRY(rehearse(context, [&](const Context& copy) -> Result<> {
      result = TRY(apply_now(copy, caller, objects, wet));
      return {};
    }));
    result.set_dry_run(true);
    result.clear_revision();
  } else {
    result = TRY(write_briefly(context, caller, objects, wet));
  }
  if (data)
    *result.mutable_data() = *std::move(data);
  else
    result.add_warnings(unforeseen(data.error()));
  if (foresight == Foresight::kTooMany)
    result.add_warnings(
        "this concerns too many deployments to say here what data it takes out of use: qleet plan FILE does");
  return result;
}

Result<v1::ApplyResult> apply_now(const Context& context, const Caller& caller,
                                  const std::vector<model::Object>& objects, const ApplyOptions& options) {
  return write_all(context, caller, objects, options, {});
}

}  // namespace qleet::hub::frontend
