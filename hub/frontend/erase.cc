#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "common/model/keeping.h"
#include "hub/access/roles.h"
#include "hub/controllers/application_data.h"
#include "hub/controllers/events.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/places.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/secrets.h"
#include "hub/frontend/data_notices.h"
#include "hub/frontend/operation.h"
#include "hub/frontend/secret_checks.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;

constexpr const char* kWithData = "with its data";

std::unexpected<Error> in_use(std::string_view what, const std::vector<std::string>& by,
                              std::string_view advice) {
  return fail(Code::kConflict,
              fmt::format("{} is in use by {}{}{}", what, list_some(by), advice.empty() ? "" : ": ", advice));
}

class Erasure {
 public:
  Erasure(Work& work, const Caller& caller, const model::Kind& kind, const std::string& name,
          const EraseOptions& options, v1::EraseResult& result)
      : work_(work),
        caller_(caller),
        kind_(kind),
        name_(name),
        delete_data_(options.delete_data),
        force_(options.force),
        result_(result) {}

  Result<> run() {
    if (kind_.name == "Application") return application();
    if (kind_.name == "Environment") return environment();
    if (kind_.name == "Region") return region();
    if (kind_.name == "Profile") return profile();
    if (kind_.name == "Resource") return resource();
    if (kind_.name == "Agent") return agent();
    if (kind_.name == "ServiceAccount") return service_account();
    if (kind_.name == "Role") return role();
    if (kind_.name == "Secret") return secret();
    if (kind_.name == "RoleBinding") return plain();
    return fail(Code::kDenied, fmt::format("{} are written by the hub alone", kind_.plural));
  }

 private:
  Result<> plain() {
    TRY(controllers::erase_events(work_, kind_.name, name_));
    TRY(objects::erase(work_.txn, kind_, name_));
    return {};
  }

  Result<std::vector<std::string>> below(const std::string& prefix) {
    std::vector<std::string> names;
    for (const auto& entry : TRY(work_.txn.scan({.prefix = prefix})))
      names.emplace_back(keys::last(entry.key));
    return names;
  }

  Result<> application();
  Result<> environment();
  Result<> leave_data_of_environment();
  Result<> region();
  Result<> profile();
  Result<> resource();
  Result<> agent();
  Result<> service_account();
  Result<> role();
  Result<> secret();

  Work& work_;
  const Caller& caller_;
  const model::Kind& kind_;
  const std::string& name_;
  const bool delete_data_;
  const bool force_;
  v1::EraseResult& result_;
};

Result<> Erasure::application() {
  auto app = *TRY(objects::get<v1::Application>(work_.txn, name_));
  if (!app.metadata().has_deletion_timestamp()) {
    *app.mutable_metadata()->mutable_deletion_timestamp() = objects::timestamp(work_.now());
    TRY(objects::put(work_.txn, app, work_.stamp));
  }
  if (delete_data_) TRY(controllers::let_application_data_go(work_, name_, caller_.subject));
  std::vector<std::string> places;
  for (const auto& deployment : TRY(objects::list<v1::Deployment>(work_.txn, {.name_prefix = name_ + "."})))
    places.push_back(deployment.spec().environment());
  TRY(controllers::settle_application(work_, name_));
  result_.set_message(places.empty()
                          ? fmt::format("application {} is gone", name_)
                          : fmt::format("application {} is taken down in {}; what nobody else needs follows "
                                        "after its grace period, {}",
                                        name_, list_some(places),
                                        delete_data_ ? "and its data with it" : "and its data is kept"));
  return {};
}

Result<> Erasure::environment() {
  auto users = TRY(below(keys::app_env(name_, "")));
  for (const auto& deployment : TRY(objects::list<v1::Deployment>(work_.txn))) {
    const auto& spec = deployment.spec();
    if (spec.environment() == name_ && std::ranges::find(users, spec.application()) == users.end())
      users.push_back(fmt::format("{} (being taken down)", spec.application()));
  }
  if (!users.empty())
    return in_use(fmt::format("environment {}", name_), users,
                  "take it out of their spec.environments first");
  for (const auto& other : TRY(objects::list<v1::Environment>(work_.txn))) {
    if (other.spec().builds().after().environment() == name_)
      return in_use(fmt::format("environment {}", name_),
                    {fmt::format("environment {}", other.metadata().name())},
                    "it takes releases after this one");
  }
  TRY(leave_data_of_environment());
  return plain();
}

// What is kept in an environment stays when it goes; what it protects must not lose its protection on the
// way.
Result<> Erasure::leave_data_of_environment() {
  const auto environment = *TRY(objects::get<v1::Environment>(work_.txn, name_));
  for (const auto& region : TRY(objects::list<v1::Region>(work_.txn))) {
    const auto prefix = fmt::format("{}.{}.", region.metadata().name(), name_);
    for (const auto& resource : TRY(objects::list<v1::Resource>(work_.txn, {.name_prefix = prefix}))) {
      if (!model::holds_data(resource.spec()) || resource.spec().deleted()) continue;
      if (environment.spec().protect().data())
        return fail(
            Code::kConflict,
            fmt::format(
                "environment \"{}\": it protects data that is there ({}); take spec.protect.data out of "
                "it first",
                name_, controllers::describe_data(resource.spec())));
      if (model::keeps_data(resource.spec()))
        *result_.add_data() = left_behind(resource, "its environment goes");
    }
  }
  return {};
}

Result<> Erasure::region() {
  const auto what = fmt::format("region {}", name_);
  const auto deployments = TRY(below(keys::region_dep(name_, "")));
  if (!deployments.empty())
    return in_use(what, deployments, "cordon it, and take it out of their environments' selectors or counts");
  const auto region = *TRY(objects::get<v1::Region>(work_.txn, name_));
  std::optional<v1::Agent> agent;
  if (!region.status().agent().empty())
    agent = TRY(objects::get<v1::Agent>(work_.txn, region.status().agent()));
  if (agent && !agent->spec().revoked())
    return in_use(what, {fmt::format("agent {}", agent->metadata().name())}, "revoke the agent first");
  // Nobody is left who could take away what stands there: the records go.
  const auto left = TRY(objects::list<v1::Resource>(work_.txn, {.name_prefix = name_ + "."}));
  for (const auto& resource : left) {
    if (model::keeps_data(resource.spec())) *result_.add_data() = left_behind(resource, "the hub forgets it");
    TRY(controllers::erase_resource(work_, resource.metadata().name()));
  }
  if (agent) TRY(objects::erase(work_.txn, model::kind_of(*agent), agent->metadata().name()));
  TRY(plain());
  if (!left.empty())
    result_.set_message(
        fmt::format("region {} is gone, and with it the records of {} resources that its agent may still "
                    "hold",
                    name_, left.size()));
  return controllers::refresh_region(work_, name_);
}

Result<> Erasure::profile() {
  const auto profile = *TRY(objects::get<v1::Profile>(work_.txn, name_));
  std::set<std::string> users;
  for (const auto& deployment : TRY(below(keys::type(profile.spec().satisfies().type(), "")))) {
    const auto found = TRY(objects::get<v1::Deployment>(work_.txn, deployment));
    if (!found) continue;
    for (const auto number : {found->spec().release(), found->spec().candidate()}) {
      if (number == 0) continue;
      const auto release = TRY(controllers::get_release(work_.txn, found->spec().application(), number));
      if (!release) continue;
      for (const auto& pin : release->spec().profiles()) {
        if (pin.name() == name_ && pin.environment() == found->spec().environment())
          users.insert(fmt::format("{} in {}", found->spec().application(), pin.environment()));
      }
    }
  }
  if (!users.empty()) return in_use(fmt::format("profile {}", name_), {users.begin(), users.end()}, "");
  controllers::index_profile(work_.txn, &profile, nullptr);
  return plain();
}

Result<> Erasure::resource() {
  TRY(controllers::tombstone_resource(work_, name_, caller_.subject));
  result_.set_message(fmt::format("resource {} is deleted by its agent now", name_));
  return {};
}

Result<> Erasure::agent() {
  const auto agent = *TRY(objects::get<v1::Agent>(work_.txn, name_));
  if (!agent.spec().revoked())
    return fail(Code::kConflict, fmt::format("agent {} may still connect: revoke it first", name_));
  auto region = TRY(objects::get<v1::Region>(work_.txn, agent.spec().region()));
  if (region && region->status().agent() == name_) {
    region->mutable_status()->clear_agent();
    TRY(objects::put_status(work_.txn, *region));
  }
  return plain();
}

Result<> Erasure::service_account() {
  const auto account = *TRY(objects::get<v1::ServiceAccount>(work_.txn, name_));
  for (const auto& token : account.status().tokens()) work_.txn.erase(keys::token(token.sha256()));
  result_.set_message(fmt::format("service account {} is gone, its tokens are worthless", name_));
  return plain();
}

Result<> Erasure::role() {
  if (access::builtin_role(name_) != nullptr)
    return fail(Code::kDenied, fmt::format("role {} is built in and stays", name_));
  std::vector<std::string> users;
  for (const auto& account : TRY(objects::list<v1::ServiceAccount>(work_.txn))) {
    if (account.spec().role() == name_)
      users.push_back(fmt::format("service account {}", account.metadata().name()));
  }
  for (const auto& binding : TRY(objects::list<v1::RoleBinding>(work_.txn))) {
    if (binding.spec().role() == name_)
      users.push_back(fmt::format("role binding {}", binding.metadata().name()));
  }
  if (!users.empty()) return in_use(fmt::format("role {}", name_), users, "");
  return plain();
}

Result<> Erasure::secret() {
  const auto secret = *TRY(objects::get<v1::Secret>(work_.txn, name_));
  const auto handed = TRY(controllers::users_of_secret(work_.txn, name_));
  for (auto& notice : TRY(former_users(work_.txn, secret, handed))) *result_.add_users() = std::move(notice);
  std::vector<std::string> sentences;
  for (const auto& [fate, who] : users_by_fate(result_.users()))
    sentences.push_back(fmt::format("{} {}", list_some(who), fate));
  const auto then = fmt::format("{}", fmt::join(sentences, "; "));
  if (!handed.empty() && !force_)
    return in_use(fmt::format("secret {}", name_), controllers::describe_users(handed),
                  fmt::format("take it out of their resources first, or say --force: {}", then));
  controllers::index_secret(work_.txn, &secret, nullptr);
  TRY(controllers::wake_askers(work_, controllers::id_of(secret)));
  TRY(plain());
  if (!then.empty()) result_.set_message(then);
  return {};
}

// The application is gone, and data of it was kept.
Result<bool> erase_what_is_left(Work& work, const Caller& caller, const std::string& application,
                                v1::EraseResult& result) {
  const auto going = TRY(controllers::let_application_data_go(work, application, caller.subject));
  if (going.empty()) return false;
  result.set_message(fmt::format("application {} is gone already; what was kept of it goes", application));
  TRY(controllers::record_audit(work, {caller.subject, "delete", "Application", application, kWithData}));
  return true;
}

}  // namespace

Result<v1::EraseResult> erase(const Context& context, const Caller& caller, const model::Kind& kind,
                              std::string_view name, const EraseOptions& options) {
  auto wet = options;
  wet.dry_run = false;
  const auto now = [&](const Context& where, v1::EraseResult& result) -> Result<> {
    result = TRY(erase_now(where, caller, kind, name, wet));
    return {};
  };
  Result<Notices> data = Notices();
  if (kind.name == "Application" || kind.name == "Resource") {
    v1::EraseResult rehearsed;
    data = foresee_data(context, [&](const Context& copy) { return now(copy, rehearsed); });
  }
  v1::EraseResult result;
  if (options.dry_run) {
    TRY(rehearse(context, [&](const Context& copy) { return now(copy, result); }));
    result.clear_revision();
  } else {
    TRY(now(context, result));
  }
  if (data)
    result.mutable_data()->MergeFrom(*data);
  else
    result.set_message(fmt::format("{}; {}", result.message(), unforeseen(data.error())));
  return result;
}

Result<v1::EraseResult> erase_now(const Context& context, const Caller& caller, const model::Kind& kind,
                                  std::string_view name, const EraseOptions& options) {
  if (options.delete_data && kind.name != "Application")
    return fail(Code::kInvalid,
                fmt::format("deleteData: only an application is deleted with its data; to delete a "
                            "{}, leave it out",
                            kind.name));
  if (options.force && kind.name != "Secret")
    return fail(Code::kInvalid,
                fmt::format("force: only a secret is deleted while it is in use; to delete a {}, "
                            "leave it out",
                            kind.name));
  v1::EraseResult result;
  const std::string key(name);
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    result.Clear();
    result.set_kind(std::string(kind.name));
    result.set_name(key);
    const auto object = TRY(objects::get(work.txn, kind, key));
    if (!object && options.delete_data && TRY(erase_what_is_left(work, caller, key, result))) return {};
    if (!object) return std::unexpected(no_such(work.txn, kind, key));
    TRY(require_reach(caller, *object));
    if (options.if_match) TRY(objects::check_version(*object, *options.if_match));
    TRY(Erasure(work, caller, kind, key, options, result).run());
    if (result.message().empty()) result.set_message("is gone");
    return controllers::record_audit(
        work, {caller.subject, "delete", kind.name, key, options.delete_data ? kWithData : ""});
  }));
  result.set_revision(revision);
  return result;
}

}  // namespace qleet::hub::frontend
