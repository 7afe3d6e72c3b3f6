#include "hub/controllers/resources.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <vector>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/controllers/events.h"
#include "hub/controllers/lifecycle.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/route_claims.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/store_holdings.h"
#include "hub/store/keys.h"
#include "hub/store/resource_sketch.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {
namespace {

using objects::Written;

constexpr std::string_view kKind = "Resource";
// Annotation: who asked that the data go (spec.dataMayGo).
const std::string kDataAsker = "qleet.io/data-may-go-for";

// Puts the resource at the end of what its region's agent is told, or takes it out.
Result<> move_position(Txn& txn, const std::string& region, const std::string& name, bool erase) {
  const auto at = keys::region_at(name);
  if (const auto old = TRY(txn.get(at))) {
    std::uint64_t revision = 0;
    std::from_chars(old->value.data(), old->value.data() + old->value.size(), revision, 16);
    txn.erase(keys::region_pos(region, revision, name));
  }
  if (erase) {
    txn.erase(at);
    return {};
  }
  txn.put(at, keys::hex16(txn.revision()));
  txn.put(keys::region_pos(region, txn.revision(), name), "");
  return {};
}

std::uint64_t due_of(const v1::Resource& resource) {
  const auto since = objects::wall_time(resource.status().unused_since()).time_since_epoch().count();
  return static_cast<std::uint64_t>(since) + resource.spec().when_unused().after_ms();
}

// Somebody asks for a resource in another way than before, or not at all: deployments that it stood in the
// way of, as it was or by what it requires, are to be reconciled.
Result<> wake_waiting(Work& work, const std::string& resource) {
  if (TRY(work.txn.scan({.prefix = "x/waits/", .limit = 1})).empty()) return {};
  std::vector<std::string> open{resource};
  std::set<std::string> seen{resource};
  while (!open.empty()) {
    const auto name = std::move(open.back());
    open.pop_back();
    for (const auto& entry : TRY(work.txn.scan({.prefix = keys::below("x/waits", name)}))) {
      auto deployment = TRY(objects::get<v1::Deployment>(work.txn, keys::last(entry.key)));
      if (!deployment) continue;
      for (auto& condition : *deployment->mutable_status()->mutable_conditions())
        if (condition.type() == reasons::kResolved) condition.set_observed_generation(0);
      TRY(objects::put_status(work.txn, *deployment));
    }
    for (const auto& [used, alias] : TRY(used_by(work.txn, user_of_resource(name))))
      if (seen.insert(used).second) open.push_back(used);
  }
  return {};
}

// Everything about a resource as given; its position moves when its spec changed.
Result<Written> write(Work& work, v1::Resource& resource, const v1::Resource* before) {
  const auto generation = before == nullptr ? 0 : before->metadata().generation();
  const auto written = TRY(objects::put(work.txn, resource, work.stamp));
  if (resource.metadata().generation() != generation) {
    TRY(move_position(work.txn, resource.spec().region(), resource.metadata().name(), false));
    if (before != nullptr) TRY(wake_waiting(work, resource.metadata().name()));
  }
  return written;
}

// Makes the edges of `user` exactly `wanted`; `current` is what they are.
Result<> put_edges(Work& work, const std::string& user, const std::map<std::string, std::string>& current,
                   const std::map<std::string, std::string>& wanted) {
  for (const auto& [resource, alias] : wanted) {
    const auto found = current.find(resource);
    if (found != current.end() && found->second == alias) continue;
    work.txn.put(keys::ref(resource, user), alias);
    work.txn.put(keys::uses(user, resource), alias);
    if (found != current.end()) continue;
    TRY(take_back_data(work, resource));
    TRY(settle(work, resource));
  }
  for (const auto& [resource, alias] : current) {
    if (wanted.contains(resource)) continue;
    work.txn.erase(keys::ref(resource, user));
    work.txn.erase(keys::uses(user, resource));
    TRY(settle(work, resource));
    TRY(wake_waiting(work, resource));
  }
  return {};
}

// Resource -> its aliases, comma separated.
std::map<std::string, std::string> wanted_edges(const v1::ResourceSpec& spec) {
  const std::map<std::string, std::string> sorted(spec.dependencies().begin(), spec.dependencies().end());
  std::map<std::string, std::string> edges;
  for (const auto& [alias, resource] : sorted) {
    auto& aliases = edges[resource];
    aliases += (aliases.empty() ? "" : ",") + alias;
  }
  return edges;
}

void clear_unused(Work& work, v1::Resource& resource) {
  if (!resource.status().has_unused_since()) return;
  work.txn.erase(keys::unused(due_of(resource), resource.metadata().name()));
  resource.mutable_status()->clear_unused_since();
}

// Where somebody finds it when the resource is gone, and who asked for it.
Result<> record_data_deleted(Work& work, const v1::Resource& resource, const std::string& why,
                             std::string_view subject) {
  const auto& spec = resource.spec();
  const auto what = describe_data(spec);
  const bool in_environment =
      !spec.environment().empty() && TRY(objects::get<v1::Environment>(work.txn, spec.environment()));
  if (in_environment || TRY(objects::get<v1::Region>(work.txn, spec.region())))
    TRY(record_event(work, {.kind = in_environment ? "Environment" : "Region",
                            .name = in_environment ? spec.environment() : spec.region(),
                            .type = "Normal",
                            .reason = reasons::kDataDeleted,
                            .message = fmt::format("{} is deleted with what is in it: {}", what, why),
                            .about = resource.metadata().name()}));
  return record_audit(work, {subject, "delete-data", kKind, resource.metadata().name(), what + ": " + why});
}

// Who asked that the data go, or the hub itself.
std::string asker_of(const v1::Resource& resource) {
  const auto& annotations = resource.metadata().annotations();
  const auto asker = annotations.find(kDataAsker);
  return resource.spec().data_may_go() && asker != annotations.end() ? asker->second : std::string(kHub);
}

std::string why_unneeded(const v1::ResourceSpec& spec) {
  if (!model::holds_data(spec)) return "nobody needs it any more";
  if (spec.data_may_go()) return "nobody needs it any more, and somebody asked that its data go";
  return fmt::format("nobody needs it any more, and profile {} says that it keeps no data", spec.profile());
}

Result<> tombstone(Work& work, v1::Resource resource, const std::string& why, std::string_view subject) {
  const auto before = resource;
  if (model::holds_data(resource.spec())) TRY(record_data_deleted(work, resource, why, subject));
  if (resource.status().has_unused_since())
    work.txn.erase(keys::unused(due_of(resource), resource.metadata().name()));
  resource.mutable_spec()->set_deleted(true);
  *resource.mutable_metadata()->mutable_deletion_timestamp() = objects::timestamp(work.now());
  TRY(write(work, resource, &before));
  return record_event(work, {kKind, resource.metadata().name(), "Normal", reasons::kDeleting, why});
}

// An environment that protects its data keeps it, whatever was said before. It is written down, so that
// whoever looks sees it.
Result<> protect(Work& work, v1::Resource& resource) {
  if (model::stays_unused(resource.spec()) || !TRY(data_is_protected(work.txn, resource.spec()))) return {};
  resource.mutable_spec()->mutable_when_unused()->set_do_("retain");
  resource.mutable_spec()->set_data_may_go(false);
  return {};
}

}  // namespace

Result<bool> data_is_protected(const Reader& reader, const v1::ResourceSpec& spec) {
  if (!model::holds_data(spec) || spec.environment().empty()) return false;
  const auto environment = TRY(objects::get<v1::Environment>(reader, spec.environment()));
  return environment && environment->spec().protect().data();
}

Result<> let_data_go(Work& work, const std::string& name, const std::string& subject) {
  auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
  if (!resource || resource->spec().deleted()) return {};
  const auto before = *resource;
  resource->mutable_spec()->set_data_may_go(true);
  (*resource->mutable_metadata()->mutable_annotations())[kDataAsker] = subject;
  TRY(write(work, *resource, &before));
  if (!resource->status().has_unused_since()) return {};
  // What was kept is not waited for any more.
  work.txn.put(keys::unused(due_of(*resource), name), "");
  return settle(work, name);
}

Result<> take_back_data(Work& work, const std::string& name) {
  const auto entry = TRY(work.txn.get(objects::key(model::kind_of(v1::Resource::default_instance()), name)));
  if (!entry || !TRY(sketch(entry->value)).data_may_go) return {};
  v1::Resource resource;
  TRY(objects::decode_into(*entry, resource));
  const auto before = resource;
  resource.mutable_spec()->set_data_may_go(false);
  resource.mutable_metadata()->mutable_annotations()->erase(kDataAsker);
  TRY(write(work, resource, &before));
  for (const auto& [alias, needed] : before.spec().dependencies()) TRY(take_back_data(work, needed));
  return {};
}

Result<Written> put_resource(Work& work, const std::string& name, const v1::ResourceSpec& spec) {
  const auto before = TRY(objects::get<v1::Resource>(work.txn, name));
  v1::Resource resource = before.value_or(v1::Resource());
  if (before && before->status().has_unused_since() &&
      before->spec().when_unused().after_ms() != spec.when_unused().after_ms()) {
    work.txn.erase(keys::unused(due_of(*before), name));
    *resource.mutable_spec() = spec;
    work.txn.put(keys::unused(due_of(resource), name), "");
  }
  *resource.mutable_spec() = spec;
  if (!spec.data_may_go()) resource.mutable_metadata()->mutable_annotations()->erase(kDataAsker);
  if (before && !before->spec().deleted() && before->spec().provider() != spec.provider() &&
      model::holds_data(before->spec()))
    TRY(record_data_deleted(work, *before, fmt::format("provider {} makes it anew", spec.provider()), kHub));
  resource.mutable_metadata()->set_name(name);
  resource.mutable_metadata()->clear_deletion_timestamp();
  auto& labels = *resource.mutable_metadata()->mutable_labels();
  labels["region"] = spec.region();
  labels["type"] = spec.type();
  if (!spec.environment().empty()) labels["environment"] = spec.environment();
  if (!spec.application().empty()) labels["application"] = spec.application();
  const auto written = TRY(write(work, resource, before ? &*before : nullptr));
  TRY(index_claim(work, name, before ? &before->spec() : nullptr, &resource.spec()));
  index_secret_use(work.txn, name, before ? &before->spec() : nullptr, &resource.spec());
  const auto user = user_of_resource(name);
  const auto used = TRY(used_by(work.txn, user));
  if (before && before->spec().data_may_go() && !spec.data_may_go()) {
    for (const auto& [needed, alias] : used) TRY(take_back_data(work, needed));
  }
  TRY(put_edges(work, user, used, wanted_edges(spec)));
  return written;
}

Result<> put_roots(Work& work, const std::string& deployment, const std::string& region,
                   const std::map<std::string, std::string>& roots) {
  const auto user = user_of_deployment(deployment);
  return put_edges(work, user, TRY(used_by(work.txn, user, region)), roots);
}

Result<> settle(Work& work, const std::string& name) {
  const auto entry = TRY(work.txn.get(objects::key(model::kind_of(v1::Resource::default_instance()), name)));
  if (!entry) return {};
  LifecycleInput input;
  input.has_users = !TRY(users_of(work.txn, name, 1)).empty();
  // Nearly always: it is needed, as it was.
  const auto seen = TRY(sketch(entry->value));
  if (input.has_users && !seen.deleted && !TRY(seen.read_status()).has_unused_since()) return {};
  v1::Resource resource;
  TRY(objects::decode_into(*entry, resource));
  const auto before = resource;
  input.deleted = resource.spec().deleted();
  if (resource.status().has_unused_since())
    input.unused_since = objects::wall_time(resource.status().unused_since());
  if (!input.has_users && !input.deleted) TRY(protect(work, resource));
  input.grace = Millis(resource.spec().when_unused().after_ms());
  input.stays = model::stays_unused(resource.spec());
  input.now = work.now();
  auto decision = decide_lifecycle(input);
  if (decision.fate == Fate::kTombstone && TRY(may_be_asked_for(work.txn, resource.spec())))
    decision.fate = input.unused_since ? Fate::kKeep : Fate::kMarkUnused;
  switch (decision.fate) {
    case Fate::kKeep:
      TRY(write(work, resource, &before));
      return {};
    case Fate::kMarkUnused:
      *resource.mutable_status()->mutable_unused_since() = objects::timestamp(work.now());
      work.txn.put(keys::unused(due_of(resource), name), "");
      TRY(write(work, resource, &before));
      return record_event(work, {kKind, name, "Normal", reasons::kUnused, "nobody needs it any more"});
    case Fate::kTombstone:
      return tombstone(work, resource, why_unneeded(resource.spec()), asker_of(resource));
    case Fate::kRetain:
      work.txn.erase(keys::unused(due_of(resource), name));
      TRY(write(work, resource, &before));
      return record_event(
          work,
          {kKind, name, "Normal", reasons::kRetained,
           fmt::format("nobody needs it any more; it stays, with what it keeps, until somebody deletes it: "
                       "qleet delete resource {}",
                       name)});
    case Fate::kRevive:
      clear_unused(work, resource);
      resource.mutable_spec()->set_deleted(false);
      resource.mutable_metadata()->clear_deletion_timestamp();
      TRY(write(work, resource, &before));
      return {};
  }
  return {};
}

Result<bool> settle_due(Work& work, const std::string& name, std::uint64_t due_ms) {
  TRY(settle(work, name));
  const auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
  const bool unused = resource && !resource->spec().deleted() && resource->status().has_unused_since();
  if (unused && due_of(*resource) == due_ms && !model::stays_unused(resource->spec()) &&
      TRY(may_be_asked_for(work.txn, resource->spec())))
    return false;
  work.txn.erase(keys::unused(due_ms, name));
  // Marked under another time than it is due: the right mark must be there.
  if (unused && WallTime(Millis(due_of(*resource))) > work.now())
    work.txn.put(keys::unused(due_of(*resource), name), "");
  return true;
}

Result<bool> resource_gone(Work& work, const std::string& name, std::uint32_t generation) {
  const auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
  if (!resource || !resource->spec().deleted() || resource->metadata().generation() != generation)
    return false;
  TRY(erase_resource(work, name));
  return true;
}

Result<> erase_resource(Work& work, const std::string& name) {
  const auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
  if (!resource) return {};
  if (resource->status().has_unused_since()) work.txn.erase(keys::unused(due_of(*resource), name));
  TRY(move_position(work.txn, resource->spec().region(), name, true));
  TRY(index_claim(work, name, &resource->spec(), nullptr));
  index_secret_use(work.txn, name, &resource->spec(), nullptr);
  TRY(objects::erase(work.txn, model::kind_of(*resource), name));
  TRY(erase_events(work, kKind, name));
  TRY(forget_names(work.txn, name));
  TRY(wake_waiting(work, name));
  const auto user = user_of_resource(name);
  return put_edges(work, user, TRY(used_by(work.txn, user)), {});
}

Result<> tombstone_resource(Work& work, const std::string& name, std::string_view subject) {
  auto resource = TRY(objects::get<v1::Resource>(work.txn, name));
  if (!resource) return fail(Code::kNotFound, fmt::format("resource {} does not exist", name));
  const auto users = TRY(users_of(work.txn, name));
  if (!users.empty()) {
    std::string list;
    for (const auto& use : users) list += (list.empty() ? "" : ", ") + describe_user(use);
    return fail(Code::kConflict, fmt::format("resource {} is needed by {}", name, list));
  }
  if (const auto asker = TRY(may_be_asked_for(work.txn, resource->spec()));
      asker && !resource->spec().deleted())
    return fail(Code::kConflict,
                fmt::format("resource {} may be needed by deployment {}, which is being worked out: "
                            "try again",
                            name, *asker));
  // Also of a tombstone: an agent that keeps what a restored store wants deleted has the data still.
  if (TRY(data_is_protected(work.txn, resource->spec())))
    return fail(Code::kConflict,
                fmt::format("{}: environment {} protects its data; take spec.protect.data out of the "
                            "environment first",
                            describe_data(resource->spec()), resource->spec().environment()));
  const auto why = subject == kHub ? why_unneeded(resource->spec()) : "somebody deleted it";
  if (!resource->spec().deleted()) return tombstone(work, *std::move(resource), why, subject);
  // Asked for again: that agent is told so anew.
  const auto before = *resource;
  if (model::holds_data(before.spec())) TRY(record_data_deleted(work, before, why, subject));
  resource->mutable_spec()->set_deletes_repeated(before.spec().deletes_repeated() + 1);
  TRY(write(work, *resource, &before));
  return {};
}

Result<std::vector<Use>> users_of(const Reader& reader, std::string_view resource, size_t limit,
                                  std::string_view after) {
  Range range{.prefix = keys::below("x/ref", resource), .limit = limit};
  if (!after.empty()) range.after = keys::ref(resource, after);
  std::vector<Use> users;
  for (const auto& entry : TRY(reader.scan(range)))
    users.push_back({std::string(keys::last(entry.key)), entry.value});
  return users;
}

Result<std::map<std::string, std::string>> used_by(const Reader& reader, std::string_view user,
                                                   std::string_view region) {
  auto prefix = keys::below("x/uses", user);
  if (!region.empty()) prefix += fmt::format("{}.", region);
  std::map<std::string, std::string> used;
  for (const auto& entry : TRY(reader.scan({.prefix = prefix})))
    used[std::string(keys::last(entry.key))] = entry.value;
  return used;
}

std::string describe_user(const Use& use) {
  const auto name = std::string_view(use.user).substr(2);
  if (use.user.starts_with("d:")) return fmt::format("deployment {}", name);
  const auto parts = parse_resource_name(name);
  if (!parts) return fmt::format("resource {}", name);
  if (parts->type == "workload")
    return fmt::format("{}/{} as \"{}\" ({})", parts->application, parts->id, use.alias, parts->environment);
  return fmt::format("{} \"{}\" as \"{}\"", parts->type, parts->id, use.alias);
}

std::string describe_data(const v1::ResourceSpec& spec) {
  const auto size = spec.params().fields().find("size");
  const bool known = size != spec.params().fields().end() && !size->second.string_value().empty();
  return fmt::format("{} \"{}\"{}{} in {}{}", spec.type(), spec.id(),
                     known ? fmt::format(" ({})", size->second.string_value()) : "",
                     spec.application().empty() ? "" : " of " + spec.application(),
                     spec.environment().empty() ? "" : spec.environment() + " / ", spec.region());
}

}  // namespace qleet::hub::controllers
