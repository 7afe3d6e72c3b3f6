#include "hub/controllers/change_map.h"

#include <fmt/format.h>

#include <deque>

#include "hub/controllers/deployments.h"
#include "hub/controllers/health.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/store_profiles.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "hub/store/resource_sketch.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {
namespace {

template <class T>
Result<T> parse(const Change& change) {
  T object;
  if (!object.ParseFromString(change.value))
    return fail(Code::kInternal, "store: " + change.key + " cannot be read: restore a backup");
  return object;
}

std::string application_of(std::string_view deployment) {
  return std::string(deployment.substr(0, deployment.find('.')));
}

// What of a region decides who is placed there.
std::string print_of(const v1::Region& region) {
  v1::Region told;
  *told.mutable_metadata()->mutable_labels() = region.metadata().labels();
  told.mutable_spec()->set_cordoned(region.spec().cordoned());
  return objects::serialize(told);
}

// What of a region deployments show, or wait for.
std::string told_of(const v1::Region& region) {
  const auto connection = connection_of(region);
  return fmt::format("{} {}", connection.connected, connection.message);
}

// Every deployment of the environment.
Result<> environment(const Reader& reader, std::string_view name, bool applications, std::set<Key>& keys) {
  for (const auto& entry : TRY(reader.scan({.prefix = keys::app_env(name, "")}))) {
    const std::string app(keys::last(entry.key));
    keys.insert({Controller::kDeployment, deployment_name(app, name)});
    if (applications) keys.insert({Controller::kApplication, app});
  }
  return {};
}

// All of it that a deployment's status is made of, and of which object and spec.
std::string shown_of(const ResourceSketch& resource, const v1::ResourceStatus& status) {
  const auto health = health_of(
      ResourceView{.generation = resource.generation, .hash = std::string(resource.hash), .status = status});
  return fmt::format("{} {} {} {}\n{}", resource.uid, resource.generation, static_cast<int>(health.health),
                     health.reason, health.message);
}

}  // namespace

void TouchedRegions::add(const std::string& deployment, const std::string& region) {
  const MutexLock lock(mutex_);
  regions_[deployment].insert(region);
}

void TouchedRegions::add(const std::string& deployment, const std::set<std::string>& regions) {
  const MutexLock lock(mutex_);
  regions_[deployment].insert(regions.begin(), regions.end());
}

std::set<std::string> TouchedRegions::take(const std::string& deployment) {
  const MutexLock lock(mutex_);
  auto found = regions_.extract(deployment);
  return found.empty() ? std::set<std::string>() : std::move(found.mapped());
}

Result<> ChangeMap::restore(const Reader& reader, Revision upto) {
  seen_regions_.clear();
  seen_connections_.clear();
  seen_environments_.clear();
  seen_shared_.clear();
  for (const auto& environment : TRY(objects::list_readable<v1::Environment>(reader))) {
    if (environment.metadata().resource_version() <= upto)
      seen_environments_[environment.metadata().name()] = objects::serialize(environment.spec());
  }
  for (const auto& region : TRY(objects::list_readable<v1::Region>(reader))) {
    if (region.metadata().resource_version() > upto) continue;
    seen_regions_[region.metadata().name()] = print_of(region);
    seen_connections_[region.metadata().name()] = told_of(region);
  }
  return {};
}

Result<> ChangeMap::region(const Reader& reader, const Change& change, std::set<Key>& keys,
                           TouchedRegions& touched) {
  const std::string name(keys::last(change.key));
  const auto parsed = TRY(parse<v1::Region>(change));
  const auto told = change.erased ? std::string() : told_of(parsed);
  const auto before = seen_connections_.find(name);
  if (before == seen_connections_.end() || before->second != told) {
    for (const auto& entry : TRY(reader.scan({.prefix = keys::region_dep(name, "")}))) {
      const std::string deployment(keys::last(entry.key));
      touched.add(deployment, name);
      keys.insert({Controller::kStatus, deployment});
    }
  }
  const auto print = change.erased ? std::string() : print_of(parsed);
  const auto seen = seen_regions_.find(name);
  if (seen == seen_regions_.end() || seen->second != print) TRY(places(reader, change, keys, touched));
  // Last: what failed on the way is looked at again.
  seen_connections_[name] = told;
  seen_regions_[name] = print;
  return {};
}

Result<> ChangeMap::places(const Reader& reader, const Change& change, std::set<Key>& keys,
                           TouchedRegions& touched) {
  const std::string name(keys::last(change.key));
  touched.add("", name);
  keys.insert({Controller::kRegions, ""});
  for (const auto& entry : TRY(reader.scan({.prefix = keys::region_dep(name, "")})))
    keys.insert({Controller::kDeployment, std::string(keys::last(entry.key))});
  // Nobody can be placed in one that was not there: the environments' lists come first, and are changes too.
  if (change.created) return {};
  for (const auto& known : TRY(objects::list_readable<v1::Environment>(reader))) {
    const auto& regions = known.status().regions();
    if (std::find(regions.begin(), regions.end(), name) != regions.end())
      TRY(environment(reader, known.metadata().name(), false, keys));
  }
  return {};
}

Result<> ChangeMap::resource(const Reader& reader, const Change& change, std::set<Key>& keys,
                             TouchedRegions& touched) {
  const std::string name(keys::last(change.key));
  const auto parts = parse_resource_name(name);
  if (change.erased) {
    seen_shared_.erase(name);
    if (parts && !parts->application.empty() && !parts->environment.empty())
      keys.insert({Controller::kDeployment, deployment_name(parts->application, parts->environment)});
    return {};
  }
  const auto resource = TRY(sketch(change.value));
  const std::string region(resource.region);
  const auto status = TRY(resource.read_status());
  if (!resource.deleted && status.has_unused_since()) keys.insert({Controller::kUnused, ""});
  const bool shared = parts && parts->application.empty();
  const auto shown = shared ? shown_of(resource, status) : std::string();
  if (const auto seen = seen_shared_.find(name);
      shared && seen != seen_shared_.end() && seen->second == shown)
    return {};
  std::deque<std::string> open{name};
  std::set<std::string> seen{name};
  while (!open.empty()) {
    for (const auto& use : TRY(users_of(reader, open.front()))) {
      auto user = use.user.substr(2);
      if (use.user.starts_with("d:")) {
        touched.add(user, region);
        keys.insert({Controller::kStatus, std::move(user)});
      } else if (seen.insert(user).second) {
        open.push_back(std::move(user));
      }
    }
    open.pop_front();
  }
  // Last: what failed on the way is looked at again.
  if (shared) seen_shared_[name] = shown;
  return {};
}

Result<> ChangeMap::profile(const Reader& reader, const Change& change, std::set<Key>& keys) {
  const auto profile = TRY(parse<v1::Profile>(change));
  std::set<std::string> types{profile.spec().satisfies().type()};
  const auto generation = profile.metadata().generation();
  if (const auto before = TRY(profile_at(reader, profile.metadata().name(), generation - 1)))
    types.insert(before->spec().satisfies().type());
  for (const auto& type : types) {
    for (const auto& entry : TRY(reader.scan({.prefix = keys::type(type, "")}))) {
      const std::string deployment(keys::last(entry.key));
      keys.insert({Controller::kDeployment, deployment});
      keys.insert({Controller::kApplication, application_of(deployment)});
    }
  }
  return {};
}

std::set<Key> ChangeMap::keys_by_name(const Change& change, TouchedRegions& touched) {
  const auto object = objects::parse_key(change.key);
  if (!object) return {};
  const auto plural = object->kind->plural;
  const std::string name(object->name);
  if (plural == "applications") return {{Controller::kApplication, name}};
  if (plural == "environments") return {{Controller::kEnvironment, name}};
  if (plural == "agents") return {{Controller::kAgent, name}};
  if (plural == "deployments")
    return {{Controller::kApplication, application_of(name)}, {Controller::kDeployment, name}};
  if (plural == "regions") {
    touched.add("", name);
    return {{Controller::kRegions, ""}};
  }
  const auto parts = plural == "resources" ? parse_resource_name(name) : std::nullopt;
  if (parts && !parts->application.empty() && !parts->environment.empty())
    return {{Controller::kDeployment, deployment_name(parts->application, parts->environment)}};
  return {};
}

Result<std::set<Key>> ChangeMap::keys_of(const Reader& reader, const Change& change,
                                         TouchedRegions& touched) {
  std::set<Key> keys;
  const auto object = objects::parse_key(change.key);
  if (!object) return keys;
  const auto plural = object->kind->plural;
  const std::string name(object->name);
  if (plural == "applications") {
    keys.insert({Controller::kApplication, name});
  } else if (plural == "deployments") {
    const auto deployment = TRY(parse<v1::Deployment>(change));
    keys.insert({Controller::kApplication, application_of(name)});
    if (!change.erased && (deployment.spec().deleted() || needs_reconcile(deployment)))
      keys.insert({Controller::kDeployment, name});
  } else if (plural == "environments") {
    const auto print =
        change.erased ? std::string() : objects::serialize(TRY(parse<v1::Environment>(change)).spec());
    const auto seen = seen_environments_.find(name);
    const bool same = seen != seen_environments_.end() && seen->second == print;
    if (!same) keys.insert({Controller::kEnvironment, name});
    TRY(environment(reader, name, !same, keys));
    // Last: what failed on the way is looked at again.
    seen_environments_[name] = print;
  } else if (plural == "profiles") {
    TRY(profile(reader, change, keys));
  } else if (plural == "regions") {
    TRY(region(reader, change, keys, touched));
  } else if (plural == "agents") {
    keys.insert({Controller::kAgent, name});
  } else if (plural == "resources") {
    TRY(resource(reader, change, keys, touched));
  }
  return keys;
}

}  // namespace qleet::hub::controllers
