#include "tests/simulation/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/model/keeping.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"
#include "tests/simulation/must.h"

namespace qleet::sim {
namespace {

namespace keys = hub::keys;
namespace objects = hub::objects;

v1::Resource resource_of(const std::string& value) {
  v1::Resource resource;
  if (!resource.ParseFromString(value)) throw std::runtime_error("checker: a stored resource cannot be read");
  return resource;
}

}  // namespace

void Checker::enter(const hub::Store& store) {
  const auto reader = must(store.snapshot());
  const hub::Revision now = reader->revision();
  if (now < last_)
    findings_.add(Rule::kRevision, fmt::format("the store is at revision {} after {}", now, last_));
  last_ = std::max(last_, now);
  life_began_ = now;
  told_.clear();
  known_.clear();
  last_state_.clear();
  releases_.clear();
  for (const auto& entry : must(reader->scan({.prefix = "o/resources/"}))) {
    auto resource = resource_of(entry.value);
    const auto& name = std::string(keys::last(entry.key));
    stated_[{name, resource.metadata().generation()}].push_back(
        {resource.spec().deleted(), resource.spec().provider(), resource.spec().hash(), clock_.mono()});
    known_[name] = {resource.metadata().uid(), resource.metadata().generation(), resource.spec().deleted()};
    // What was asked for in that life, before it was lost.
    if (resource.spec().data_may_go()) asked_data_.insert(name);
    last_state_[name] = std::move(resource);
  }
}

void Checker::committed(const hub::Store& store, hub::Revision revision) {
  const auto changes = must(store.changes(last_, 1'000'000));
  for (const auto& change : changes) {
    if (change.revision <= last_ || change.revision > revision)
      findings_.add(Rule::kRevision, fmt::format("revision {} after {}", change.revision, last_));
    trace_.note("commit", change.revision, change.key, change.erased);
    told_.push_back({change.revision, change.key, change.erased ? 'd' : change.created ? 'a' : 'm'});
    if (change.key.starts_with("o/resources/")) see_resource(store, change);
    if (change.key.starts_with("o/releases/")) see_release(change);
    if (change.key.starts_with("o/deployments/")) see_deployment(store, change);
  }
  last_ = std::max(last_, revision);
}

void Checker::see_resource(const hub::Store& store, const hub::Change& change) {
  const std::string name(keys::last(change.key));
  auto resource = resource_of(change.value);
  if (change.erased) {
    if (!resource.spec().deleted())
      findings_.add(Rule::kWrongDelete, fmt::format("{} is erased without having been a tombstone", name));
    if (const Thing* thing = cloud_.find(name); thing && cloud_.copied(thing->owner)) cloud_.leave(name);
    if (const Thing* thing = cloud_.find(name);
        thing && !thing->orphan && (!thing->absent_at || *thing->absent_at > clock_.mono()))
      findings_.add(Rule::kLeak, fmt::format("{} is erased while it still exists", name));
    known_.erase(name);
    last_state_.erase(name);
    asked_data_.erase(name);
    return;
  }
  const auto generation = resource.metadata().generation();
  auto& known = known_[name];
  if (known.uid == resource.metadata().uid() && generation < known.generation)
    findings_.add(Rule::kRevision,
                  fmt::format("{} goes from generation {} back to {}", name, known.generation, generation));
  if (known.uid != resource.metadata().uid() || known.generation != generation)
    stated_[{name, generation}].push_back(
        {resource.spec().deleted(), resource.spec().provider(), resource.spec().hash(), clock_.mono()});
  if (resource.spec().deleted() && !known.deleted) became_tombstone(store, resource);
  // Somebody uses it again.
  if (const auto it = last_state_.find(name); it != last_state_.end() && !resource.spec().deleted() &&
                                              it->second.status().has_unused_since() &&
                                              !resource.status().has_unused_since())
    asked_data_.erase(name);
  known = {resource.metadata().uid(), generation, resource.spec().deleted()};
  const auto& status = resource.status();
  auto& before = last_state_[name];
  const bool new_word = status.report_version() != before.status().report_version() ||
                        status.state() != before.status().state();
  if (new_word && status.state() == "Ready" && !was_ready(name, status.observed_generation()))
    findings_.add(Rule::kStatus, fmt::format("{} is reported ready at generation {}, which it never was",
                                             name, status.observed_generation()));
  before = std::move(resource);
}

// In that generation, or in another one that means the same: an earlier one, or one of before a restore.
bool Checker::was_ready(const std::string& name, std::uint32_t generation) const {
  if (cloud_.was_ready(name, generation)) return true;
  const auto known = stated_.find({name, generation});
  if (known == stated_.end()) return false;
  for (auto other = stated_.lower_bound({name, 0}); other != stated_.end() && other->first.first == name;
       ++other)
    for (const auto& one : other->second)
      for (const auto& now : known->second)
        if (one.hash == now.hash && cloud_.was_ready(name, other->first.second)) return true;
  return false;
}

void Checker::became_tombstone(const hub::Store& store, const v1::Resource& resource) {
  const auto& name = resource.metadata().name();
  const auto reader = must(store.snapshot());
  if (!must(reader->scan({.prefix = keys::below("x/ref", name), .limit = 1})).empty())
    findings_.add(Rule::kWrongDelete, fmt::format("{} becomes a tombstone while somebody needs it", name));
  const bool by_name = asked_.erase(name) > 0;
  check_data(*reader, resource, by_name);
  if (by_name) return;
  const auto& policy = resource.spec().when_unused();
  if (policy.do_() == "retain")
    findings_.add(Rule::kWrongDelete, fmt::format("{} becomes a tombstone although it is to be kept", name));
  if (policy.after_ms() == 0) return;
  const auto before = last_state_.find(name);
  if (before == last_state_.end() || !before->second.status().has_unused_since()) {
    findings_.add(Rule::kWrongDelete, fmt::format("{} becomes a tombstone without having been unused", name));
    return;
  }
  const auto since = objects::wall_time(before->second.status().unused_since());
  if (clock_.wall() - since < Millis(policy.after_ms()))
    findings_.add(Rule::kWrongDelete, fmt::format("{} becomes a tombstone within its grace period", name));
}

void Checker::check_data(const hub::Reader& reader, const v1::Resource& resource, bool by_name) {
  const auto& name = resource.metadata().name();
  const auto& spec = resource.spec();
  if (!model::holds_data(spec)) return;
  const auto environment = must(objects::get<v1::Environment>(reader, spec.environment()));
  if (environment && environment->spec().protect().data())
    findings_.add(Rule::kData,
                  fmt::format("{} becomes a tombstone, and its environment protects its data", name));
  if (model::keeps_data(spec) && !by_name && asked_data_.erase(name) == 0)
    findings_.add(Rule::kData,
                  fmt::format("{} keeps data and becomes a tombstone, and nobody asked for that", name));
}

namespace {

std::string application_of(const std::string& resource) {
  return hub::controllers::parse_resource_name(resource)->application;
}

// Whether it is the application's own, or nobody else needs it, at any depth.
bool belongs_to(const hub::Reader& reader, const std::string& resource, const std::string& application) {
  const auto users = must(hub::controllers::users_of(reader, resource));
  if (users.empty()) return application_of(resource) == application;
  return std::ranges::all_of(users, [&](const hub::controllers::Use& use) {
    const auto user = use.user.substr(2);
    if (use.user.starts_with("d:")) return user.substr(0, user.find('.')) == application;
    const auto owner = application_of(user);
    return owner.empty() ? belongs_to(reader, user, application) : owner == application;
  });
}

// What its deployments need, at any depth.
std::set<std::string> needed_by(const hub::Reader& reader, const std::string& application) {
  std::vector<std::string> open;
  for (const auto& deployment :
       must(objects::list<v1::Deployment>(reader, {.name_prefix = application + "."})))
    open.push_back(hub::controllers::user_of_deployment(deployment.metadata().name()));
  std::set<std::string> needed;
  while (!open.empty()) {
    const auto user = std::move(open.back());
    open.pop_back();
    for (const auto& [name, alias] : must(hub::controllers::used_by(reader, user)))
      if (needed.insert(name).second) open.push_back(hub::controllers::user_of_resource(name));
  }
  return needed;
}

}  // namespace

void Checker::asked_for_data(const hub::Store& store, const std::string& application) {
  const auto reader = must(store.snapshot());
  for (const auto& resource : must(objects::list<v1::Resource>(*reader))) {
    const auto& name = resource.metadata().name();
    if (belongs_to(*reader, name, application)) asked_data_.insert(name);
  }
}

void Checker::wanted_again(const hub::Store& store, const Writes& writes) {
  const auto reader = must(store.snapshot());
  for (const auto& [key, value] : writes) {
    if (!key.starts_with("o/applications/")) continue;
    for (const auto& name : needed_by(*reader, std::string(keys::last(key)))) asked_data_.erase(name);
  }
}

// Who returned did not leave what was ready there.
void Checker::see_deployment(const hub::Store& store, const hub::Change& change) {
  v1::Deployment deployment;
  if (change.erased || !deployment.ParseFromString(change.value)) return;
  const auto& spec = deployment.spec();
  if (spec.returned_from() == 0) return;
  const auto reader = store.snapshot().value();
  const auto left =
      objects::get<v1::Release>(*reader, fmt::format("{}.{}", spec.application(), spec.returned_from()));
  if (!left || !*left) return;
  const auto& ready = (*left)->status().ready_in();
  if (std::ranges::find(ready, spec.environment()) != ready.end())
    findings_.add(Rule::kReturn, fmt::format("{} went back from release {}, which was ready",
                                             deployment.metadata().name(), spec.returned_from()));
}

void Checker::see_release(const hub::Change& change) {
  if (change.erased) {
    releases_.erase(change.key);
    return;
  }
  v1::Release release;
  if (!release.ParseFromString(change.value)) return;
  const auto [known, fresh] = releases_.try_emplace(change.key, release.spec());
  if (fresh) return;
  auto& before = known->second;
  // What was not known yet may be filled in, and stands from then on.
  for (int i = 0; i < before.images_size() && i < release.spec().images_size(); ++i) {
    auto& pin = *before.mutable_images(i);
    const auto& now = release.spec().images(i);
    const bool had = pin.image().contains('@');
    if (had && pin.image() != now.image())
      findings_.add(Rule::kContent,
                    fmt::format("{} was {} and becomes {}", change.key, pin.image(), now.image()));
    if (had || !now.image().starts_with(pin.image() + "@")) continue;
    auto& workload = before.mutable_definition()->mutable_workloads()->at(pin.workload());
    workload.mutable_score()->mutable_containers()->at(pin.container()).set_image(now.image());
    pin = now;
  }
  if (objects::serialize(before) != objects::serialize(release.spec()))
    findings_.add(Rule::kAcknowledged, fmt::format("{} is changed, and releases never are", change.key));
}

bool Checker::wants(const std::string& provider, const std::string& name) const {
  const auto found = last_state_.find(name);
  return found != last_state_.end() && !found->second.spec().deleted() &&
         found->second.spec().provider() == provider;
}

bool Checker::may_delete(const Thing& thing, std::uint32_t generation) const {
  const auto found = stated_.find({thing.name, generation});
  if (found == stated_.end()) return false;
  MonoTime said{};
  bool may = false;
  for (const auto& stated : found->second) {
    if (!stated.deleted && stated.provider == thing.provider) continue;
    may = true;
    said = std::max(said, stated.at);
  }
  return may && !made_since(thing, said);
}

// It was made anew on a later word than that one: whoever deletes it has not heard of that.
bool Checker::made_since(const Thing& thing, MonoTime said) const {
  const auto found = stated_.find({thing.name, thing.generation});
  if (found == stated_.end()) return false;
  return std::ranges::any_of(found->second, [&](const Stated& stated) {
    return !stated.deleted && stated.provider == thing.provider && stated.at > said &&
           thing.made_at >= stated.at;
  });
}

std::string Checker::print(const google::protobuf::Message& object) {
  const auto copy = model::Object(object.New());
  copy->CopyFrom(object);
  auto& meta = model::meta(*copy);
  v1::ObjectMeta kept;
  *kept.mutable_labels() = meta.labels();
  meta = kept;
  const auto* status = copy->GetDescriptor()->FindFieldByName("status");
  if (status != nullptr) copy->GetReflection()->ClearField(copy.get(), status);
  for (const auto* name : {"api_version", "kind"})
    if (const auto* field = copy->GetDescriptor()->FindFieldByName(name))
      copy->GetReflection()->ClearField(copy.get(), field);
  return objects::serialize(*copy);
}

namespace {

// As it stands in the store: nullopt for what is gone or going.
std::optional<std::string> stored(const hub::Reader& reader, const std::string& key) {
  const auto entry = must(reader.get(key));
  if (!entry) return std::nullopt;
  const auto object = must(objects::decode(*entry));
  if (model::meta(*object).has_deletion_timestamp()) return std::nullopt;
  return Checker::print(*object);
}

}  // namespace

void Checker::acknowledge(const Writes& writes) {
  for (const auto& [key, value] : writes) expected_[key] = value;
}

void Checker::uncertain(const hub::Store& store, const Writes& writes) {
  const auto reader = must(store.snapshot());
  size_t done = 0;
  size_t undone = 0;
  for (const auto& [key, value] : writes) {
    const auto now = stored(*reader, key);
    const auto known = expected_.find(key);
    if (now == value) ++done;
    // What nobody has asked for before may be there all the same: a region, from its agent's enrolment.
    if (known == expected_.end() ? now != value : now == known->second) ++undone;
  }
  if (done == writes.size()) return acknowledge(writes);
  if (undone != writes.size())
    findings_.add(Rule::kAcknowledged, "of an operation that was cut off a part was done");
}

void Checker::check_writes(const hub::Store& store) const {
  const auto reader = must(store.snapshot());
  for (const auto& [key, value] : expected_)
    if (stored(*reader, key) != value)
      findings_.add(Rule::kAcknowledged, fmt::format("{} is not as it was acknowledged", key));
}

void Checker::check_shown(const hub::Store& store, const hub::api::Shower& shower,
                          const std::map<std::string, MonoTime>& heard, Millis dead_after) const {
  const auto reader = must(store.snapshot());
  const auto& kind = model::kind_of(v1::Resource::default_instance());
  for (const auto& entry : must(reader->scan({.prefix = "o/resources/"}))) {
    const auto name = keys::last(entry.key);
    const std::string region(name.substr(0, name.find('.')));
    const auto last = heard.find(region);
    if (last != heard.end() && clock_.mono() - last->second < dead_after) continue;
    const auto shown = must(shower.show(kind, name, entry.value, entry.revision));
    const auto& status = static_cast<const v1::Resource&>(*shown.object).status();
    if (!status.boot_id().empty() && status.state() != "Stale")
      findings_.add(Rule::kStatus,
                    fmt::format("{} is shown as {} although its agent is away", name, status.state()));
  }
}

}  // namespace qleet::sim
