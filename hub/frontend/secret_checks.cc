#include "hub/frontend/secret_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/template/template.h"
#include "hub/controllers/identity.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/store_secrets.h"
#include "hub/frontend/operation.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {
namespace {

std::string describe(const v1::ResourceSpec& spec) {
  if (spec.type() == "workload")
    return fmt::format("{}/{} in {}", spec.application(), spec.id(), spec.environment());
  return fmt::format("{} \"{}\"{} in {}", spec.type(), spec.id(),
                     spec.application().empty() ? "" : " of " + spec.application(),
                     spec.environment().empty() ? spec.region() : spec.environment());
}

// The keys of `dependency` that the resource's placeholders name.
Result<std::set<std::string>> keys_drawn(const v1::ResourceSpec& spec, const std::string& dependency) {
  std::set<std::string> keys;
  for (const auto* part : {&spec.template_(), &spec.outputs()}) {
    for (const auto& path : TRY(templates::references(*part))) {
      if (path.size() != 3 || (path[0] != "resources" && path[0] != "requires")) continue;
      const auto named = spec.dependencies().find(path[1]);
      if (named != spec.dependencies().end() && named->second == dependency) keys.insert(path[2]);
    }
  }
  return keys;
}

// Whether some application would have to choose between the two. One that names applications goes before one
// for all of them, so that nobody takes an id from others.
bool meet(const controllers::SecretFacts& a, const controllers::SecretFacts& b) {
  if (a.applications.empty() || b.applications.empty())
    return a.applications.empty() && b.applications.empty();
  return std::ranges::any_of(a.applications, [&](const auto& name) { return controllers::may_use(b, name); });
}

std::string place_of(const v1::SecretNotice& notice) {
  return fmt::format(
      "{} in {}", notice.application().empty() ? "several applications" : notice.application(),
      notice.environment().empty() ? "every environment of " + notice.region() : notice.environment());
}

}  // namespace

Result<std::vector<v1::SecretNotice>> former_users(const Reader& reader, const v1::Secret& secret,
                                                   const std::vector<controllers::SecretUser>& handed) {
  controllers::StoreSecrets secrets(reader);
  const auto& id = controllers::id_of(secret);
  auto others = TRY(secrets.of_id(id));
  std::erase_if(others, [&](const auto& other) { return other->name == secret.metadata().name(); });
  std::vector<v1::SecretNotice> notices;
  for (const auto& use : handed) {
    auto& notice = notices.emplace_back();
    notice.set_application(use.spec.application());
    notice.set_environment(use.spec.environment());
    notice.set_region(use.spec.region());
    notice.set_resource(use.resource);
    std::set<std::string> workloads;
    for (const auto& user : TRY(controllers::users_of(reader, use.resource))) {
      if (!user.user.starts_with("r:")) continue;
      const auto resource = TRY(objects::get<v1::Resource>(reader, user.user.substr(2)));
      if (resource && resource->spec().type() == "workload" && !resource->spec().deleted())
        workloads.insert(resource->spec().id());
    }
    for (const auto& workload : workloads) notice.add_workloads(workload);
    const auto next = controllers::choose_secret(others, use.spec.environment(), use.spec.application());
    if (next && controllers::may_use(*next, use.spec.application())) {
      notice.set_fate("Replaced");
      notice.set_secret(next->name);
      notice.set_message(
          fmt::format("is given Secret {} instead, and restarts where a value differs", next->name));
    } else {
      notice.set_fate("Kept");
      notice.set_message(fmt::format(
          "goes on with the values that it has, and takes no change until a Secret of id \"{}\" is there for "
          "it again",
          id));
    }
  }
  return notices;
}

std::map<std::string, std::vector<std::string>> users_by_fate(
    const google::protobuf::RepeatedPtrField<v1::SecretNotice>& notices) {
  std::map<std::string, std::set<std::string>> sorted;
  for (const auto& notice : notices)
    sorted[notice.fate() == "Replaced" ? fmt::format("will use secret {} in its place", notice.secret())
                                       : "will keep what is there, and take no change until it is made again"]
        .insert(place_of(notice));
  std::map<std::string, std::vector<std::string>> listed;
  for (const auto& [fate, places] : sorted) listed[fate] = {places.begin(), places.end()};
  return listed;
}

Result<std::vector<std::string>> users_of_keys(const Reader& reader, const std::string& secret,
                                               const std::set<std::string>& keys, bool absent) {
  std::set<std::string> users;
  for (const auto& handed : TRY(controllers::users_of_secret(reader, secret))) {
    for (const auto& use : TRY(controllers::users_of(reader, handed.resource))) {
      if (!use.user.starts_with("r:")) continue;
      const auto user = TRY(objects::get<v1::Resource>(reader, use.user.substr(2)));
      if (!user || user->spec().deleted()) continue;
      for (const auto& key : TRY(keys_drawn(user->spec(), handed.resource)))
        if (keys.contains(key) != absent) users.insert(describe(user->spec()));
    }
  }
  return std::vector<std::string>(users.begin(), users.end());
}

Result<> check_secret(const Reader& reader, const v1::Secret& secret, Findings& findings) {
  const auto& name = secret.metadata().name();
  const auto facts = controllers::facts_of(secret);
  controllers::StoreSecrets secrets(reader);
  for (const auto& other : TRY(secrets.of_id(facts.id))) {
    if (other->name == name || other->environment != facts.environment || !meet(*other, facts)) continue;
    findings.errors.push_back(
        {secret.spec().id().empty() ? "spec.environment" : "spec.id",
         fmt::format("Secret {} is the one of id \"{}\" for {}{} already: give this another id, or set the "
                     "keys there",
                     other->name, facts.id,
                     facts.environment.empty() ? "every environment" : "environment " + facts.environment,
                     other->applications.empty()
                         ? std::string()
                         : fmt::format(" of {}", fmt::join(other->applications, ", ")))});
    return {};
  }
  if (!facts.environment.empty() && !TRY(objects::get<v1::Environment>(reader, facts.environment)))
    findings.warnings.push_back(fmt::format(
        "secret {}: {}", name,
        no_such(reader, model::kind_of(v1::Environment::default_instance()), facts.environment).message));
  for (const auto& user : TRY(controllers::users_of_secret(reader, name))) {
    if (controllers::may_use(facts, user.spec.application())) continue;
    findings.warnings.push_back(fmt::format(
        "secret {}: {} uses it and may not any more: what runs goes on with what it has, and takes no "
        "change until it asks for another, or may again",
        name, controllers::describe_users({user}).front()));
  }
  const auto lacking = TRY(users_of_keys(reader, name, {facts.keys.begin(), facts.keys.end()}, true));
  if (!lacking.empty())
    findings.warnings.push_back(fmt::format(
        "secret {}: {} draws on a key that it does not have: what runs goes on with what it has, and "
        "takes no change until the key is there",
        name, list_some(lacking)));
  return {};
}

}  // namespace qleet::hub::frontend
