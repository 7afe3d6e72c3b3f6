#include "tests/simulation/closure.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/model/model.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"
#include "tests/simulation/must.h"

namespace qleet::sim {
namespace {

namespace objects = hub::objects;

class Closure {
 public:
  Closure(const hub::Reader& reader, const v1::Deployment& deployment, const std::string& region)
      : reader_(reader),
        region_(region),
        environment_(deployment.spec().environment()),
        application_(deployment.spec().application()),
        release_(must(objects::get<v1::Release>(
            reader, fmt::format("{}.{}", application_, deployment.spec().release())))) {}

  std::set<std::string> run() {
    for (const auto& [workload, definition] : release_->spec().definition().workloads()) {
      add("workload", "workload", workload, application_);
      for (const auto& [alias, asked] : definition.score().resources()) {
        const std::string profile = asked.class_().empty() ? asked.type() : asked.class_();
        add(profile, asked.type(), asked.id().empty() ? workload + "." + alias : asked.id(), application_);
      }
    }
    return std::move(names_);
  }

 private:
  // The generation that is in use where the resource is there, else the one that the release pins.
  v1::Profile profile(const std::string& name, const std::string& resource) {
    std::uint32_t generation = 0;
    for (const auto& pin : release_->spec().profiles())
      if (pin.environment() == environment_ && pin.name() == name) generation = pin.generation();
    if (const auto found = must(objects::get<v1::Resource>(reader_, resource)))
      generation = found->spec().profile_generation();
    v1::Profile profile;
    const auto entry = must(reader_.get(hub::keys::profile_rev(name, generation)));
    if (!entry || !profile.ParseFromString(entry->value))
      throw std::runtime_error("closure: no profile " + name);
    return profile;
  }

  void add(const std::string& profile_name, const std::string& type, std::string id,
           std::string application) {
    std::string environment = environment_;
    const bool region_wide = type == "host" || type == "queue";
    if (region_wide || type == "server") {
      application = "-";
      if (region_wide) environment = "-";
      if (id.empty()) id = "default";
    }
    const auto name = fmt::format("{}.{}.{}.{}.{}", region_, environment, application, type, id);
    if (!names_.insert(name).second) return;
    for (const auto& [alias, needed] : profile(profile_name, name).spec().requirements()) {
      if (needed.type() == "volume")
        add_own(needed.class_().empty() ? needed.type() : needed.class_(), name, alias);
      else
        add(needed.type(), needed.type(), "", "-");
    }
  }

  // What a resource requires for itself alone. How such ids are made is not told twice.
  void add_own(const std::string& profile_name, const std::string& of, const std::string& alias) {
    const auto resource = must(objects::get<v1::Resource>(reader_, of));
    if (!resource) return;
    const auto found = resource->spec().dependencies().find(alias);
    const std::string prefix = fmt::format("{}.{}.{}.volume.", region_, environment_, application_);
    if (found == resource->spec().dependencies().end() || !found->second.starts_with(prefix)) {
      names_.insert(prefix + "of " + of);
      return;
    }
    add(profile_name, "volume", found->second.substr(prefix.size()), application_);
  }

  const hub::Reader& reader_;
  const std::string region_;
  const std::string environment_;
  const std::string application_;
  const std::optional<v1::Release> release_;
  std::set<std::string> names_;
};

const google::protobuf::Value& field(const google::protobuf::Value& value, const std::string& name) {
  return value.struct_value().fields().at(name);
}

}  // namespace

std::set<std::string> closure_of(const hub::Reader& reader, const v1::Deployment& deployment,
                                 const std::string& region) {
  return Closure(reader, deployment, region).run();
}

std::string wrong_content(const hub::Reader& reader, const v1::Deployment& deployment,
                          const std::string& region, const std::map<std::string, v1::Resource>& resources) {
  const auto& spec = deployment.spec();
  const auto release =
      must(objects::get<v1::Release>(reader, fmt::format("{}.{}", spec.application(), spec.release())));
  const auto environment = must(objects::get<v1::Environment>(reader, spec.environment()));
  for (const auto& [workload, definition] : release->spec().definition().workloads()) {
    const auto name =
        fmt::format("{}.{}.{}.workload.{}", region, spec.environment(), spec.application(), workload);
    const auto found = resources.find(name);
    if (found == resources.end()) return "lacks " + name;
    const auto& made = found->second.spec().template_().fields();
    const auto& containers = field(made.at("score"), "containers");
    for (const auto& [container, wanted] : definition.score().containers())
      if (field(field(containers, container), "image").string_value() != wanted.image())
        return name + " has another image than its release";
    v1::WorkloadValues values;  // what the environment says instead
    if (const auto of = environment->spec().applications().find(spec.application());
        of != environment->spec().applications().end()) {
      if (const auto said = of->second.workloads().find(workload); said != of->second.workloads().end())
        values = said->second;
    }
    const auto replicas = values.has_replicas() ? values.replicas() : definition.replicas();
    if (made.at("replicas").number_value() != replicas) return name + " has another number of replicas";
    for (const auto& [variable, value] : values.variables())
      for (const auto& [container, wanted] : definition.score().containers())
        if (field(field(field(containers, container), "variables"), variable).string_value() != value)
          return name + " lacks a variable that its environment gives it";
    if (made.at("level").string_value() != environment->spec().variables().at("level"))
      return name + " has another value of a variable than its environment";
  }
  return {};
}

std::string wrong_places(const hub::Reader& reader, const v1::Deployment& deployment) {
  const auto environment = must(objects::get<v1::Environment>(reader, deployment.spec().environment()));
  const auto& choice = environment->spec().regions();
  std::set<std::string> has;
  for (const auto& region : deployment.status().regions()) has.insert(region.region());
  std::set<std::string> open;
  std::set<std::string> matching;
  for (const auto& region : must(objects::list<v1::Region>(reader))) {
    if (!model::matches(choice.selector(), region.metadata().labels())) continue;
    matching.insert(region.metadata().name());
    if (!region.spec().cordoned()) open.insert(region.metadata().name());
  }
  if (!std::ranges::includes(matching, has)) return "runs in a region that its environment does not match";
  const size_t most = choice.count() == 0 ? matching.size() : choice.count();
  if (has.size() > most) return "runs in more regions than it shall";
  if (has.size() < std::min(most, open.size())) return "runs in fewer regions than it could";
  if (choice.count() == 0 && !std::ranges::includes(has, open)) return "is missing in a region";
  return {};
}

std::string unfounded_conflict(const hub::Reader& reader, const v1::Deployment& deployment) {
  const auto& spec = deployment.spec();
  const auto release =
      must(objects::get<v1::Release>(reader, fmt::format("{}.{}", spec.application(), spec.release())));
  std::set<std::string> sizes;
  for (const auto& [workload, definition] : release->spec().definition().workloads())
    for (const auto& [alias, asked] : definition.score().resources())
      if (asked.type() == "queue") sizes.insert(asked.params().fields().at("size").string_value());
  if (sizes.size() != 1) return {};  // with itself
  for (const auto& resource : must(objects::list<v1::Resource>(reader))) {
    if (resource.spec().type() != "queue") continue;
    const auto& size = resource.spec().params().fields().at("size").string_value();
    for (const auto& entry :
         must(reader.scan({.prefix = hub::keys::below("x/ref", resource.metadata().name())}))) {
      const std::string user(hub::keys::last(entry.key));
      const auto own = fmt::format(".{}.{}.", spec.environment(), spec.application());
      if (!sizes.contains(size) && user.find(own) == std::string::npos) return {};
    }
  }
  return "is blocked by a conflict that is none any more";
}

}  // namespace qleet::sim
