#include <fmt/format.h>

#include <map>
#include <set>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/health.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/frontend/explain.h"
#include "hub/frontend/operation.h"

namespace qleet::hub::frontend {
namespace {

using controllers::users_of;

constexpr size_t kMaxSharers = 20;  // named; what everything stands on has thousands
constexpr size_t kMaxUsers = 1000;  // looked at

class Planter {
 public:
  Planter(const Reader& reader, const v1::Application& app) : reader_(reader), app_(app) {}

  Result<> environment(const v1::Deployment& deployment, v1::Tree& tree);
  Result<> place(const v1::Deployment& deployment, v1::Tree& tree);

 private:
  Result<bool> seen(const v1::Deployment& deployment);
  Result<> grow(const std::string& name, const std::string& alias, const v1::Region* region,
                v1::TreeNode& node);
  Result<> collect_applications(const std::string& resource, std::set<std::string>& seen,
                                std::set<std::string>& applications);
  Result<> kept_data(const std::string& region_name, const std::string& environment, const v1::Region* region,
                     v1::TreePlace& place);

  const Reader& reader_;
  const v1::Application& app_;
  std::set<std::string> shown_;
};

Result<> Planter::collect_applications(const std::string& resource, std::set<std::string>& seen,
                                       std::set<std::string>& applications) {
  if (applications.size() > kMaxSharers || !seen.insert(resource).second) return {};
  for (const auto& use : TRY(users_of(reader_, resource, kMaxUsers))) {
    if (applications.size() > kMaxSharers) return {};
    const auto user = use.user.substr(2);
    if (use.user.starts_with("d:")) {
      applications.insert(user.substr(0, user.find('.')));
      continue;
    }
    const auto parts = controllers::parse_resource_name(user);
    if (parts && !parts->application.empty()) {
      applications.insert(parts->application);
    } else {
      TRY(collect_applications(user, seen, applications));
    }
  }
  return {};
}

// As the agent acts upon them, by name of the container.
void show_images(const v1::ResourceSpec& spec, v1::TreeNode& node) {
  const auto& fields = spec.template_().fields();
  const auto text = [](const google::protobuf::Struct& object) {
    const auto image = object.fields().find("image");
    return image == object.fields().end() ? std::string() : image->second.string_value();
  };
  if (auto image = text(spec.template_()); !image.empty()) node.add_images(std::move(image));
  const auto score = fields.find("score");
  if (score == fields.end()) return;
  const auto containers = score->second.struct_value().fields().find("containers");
  if (containers == score->second.struct_value().fields().end()) return;
  const auto& all = containers->second.struct_value().fields();
  const std::map<std::string, google::protobuf::Value> sorted(all.begin(), all.end());
  for (const auto& [name, container] : sorted) {
    if (auto image = text(container.struct_value()); !image.empty()) node.add_images(std::move(image));
  }
}

Result<> Planter::grow(const std::string& name, const std::string& alias, const v1::Region* region,
                       v1::TreeNode& node) {
  node.set_resource(name);
  node.set_alias(alias);
  const auto resource = TRY(objects::get<v1::Resource>(reader_, name));
  if (!resource) {
    node.set_state("Pending");
    return {};
  }
  const auto& spec = resource->spec();
  const auto& status = resource->status();
  node.set_type(spec.type());
  node.set_id(spec.id());
  node.set_profile(spec.profile());
  const auto state = shown(*resource, region);
  node.set_state(state.state);
  node.set_reason(state.reason);
  node.set_message(state.message);
  *node.mutable_outputs() = status.outputs();
  node.set_attempts(status.attempts());
  // What a lost region last said of its replicas is not the present.
  if (state.state != "Stale") node.set_ready(status.ready());
  node.set_replicas(status.replicas());
  node.set_restarts(status.restarts());
  show_images(spec, node);
  if (status.has_next_attempt()) *node.mutable_next_attempt() = status.next_attempt();
  if (status.has_unused_since()) *node.mutable_unused_since() = status.unused_since();
  if (const auto* ready = controllers::find_condition(status.conditions(), reasons::kReady))
    *node.mutable_since() = ready->last_transition_time();
  // Of the step that it is at.
  if (const auto* step = controllers::find_condition(status.conditions(), reasons::kProgressing))
    *node.mutable_since() = step->last_transition_time();
  std::set<std::string> seen;
  std::set<std::string> applications;
  TRY(collect_applications(name, seen, applications));
  for (const auto& other : applications) {
    if (other != app_.metadata().name()) node.add_shared_with(other);
  }
  if (!shown_.insert(name).second) {
    node.set_repeated(true);
    return {};
  }
  for (const auto& [used, as] : TRY(controllers::used_by(reader_, controllers::user_of_resource(name))))
    TRY(grow(used, as, region, *node.add_children()));
  return {};
}

std::string waiting_text(const v1::DeploymentSpec& spec) {
  if (spec.candidate() == 0) return {};
  if (spec.candidate_waits() == "environment")
    return fmt::format("release {} waits for another environment", spec.candidate());
  return fmt::format("waits for approval: qleet approve {} {} --release {}", spec.application(),
                     spec.environment(), spec.candidate());
}

// What nobody needs any more, and stays: below what is in use.
Result<> Planter::kept_data(const std::string& region_name, const std::string& environment,
                            const v1::Region* region, v1::TreePlace& place) {
  const auto prefix = fmt::format("{}.{}.{}.", region_name, environment, app_.metadata().name());
  for (const auto& resource : TRY(objects::list<v1::Resource>(reader_, {.name_prefix = prefix}))) {
    if (!resource.status().has_unused_since() || resource.spec().deleted() ||
        !model::stays_unused(resource.spec()))
      continue;
    TRY(grow(resource.metadata().name(), resource.spec().id(), region, *place.add_roots()));
  }
  return {};
}

Result<> Planter::environment(const v1::Deployment& deployment, v1::Tree& tree) {
  const auto& spec = deployment.spec();
  const auto& status = deployment.status();
  auto& out = *tree.add_environments();
  out.set_environment(spec.environment());
  out.set_generation(deployment.metadata().generation());
  if (TRY(seen(deployment))) out.set_observed_generation(out.generation());
  out.set_release(spec.release());
  out.set_current(status.release());
  out.set_candidate(spec.candidate());
  out.set_state(status.state());
  if (const auto* ready = controllers::find_condition(status.conditions(), reasons::kReady)) {
    out.set_reason(ready->reason());
    out.set_message(ready->message());
  }
  out.set_failed_release(status.failed_release());
  out.set_returned_from(spec.returned_from());
  out.set_ready(status.ready());
  out.set_replicas(status.replicas());
  out.set_restarts(status.restarts());
  out.set_deleted(spec.deleted());
  return {};
}

// Whether the status is about what is wanted now: also where that is the same release, and something that it
// depends on was written since.
Result<bool> Planter::seen(const v1::Deployment& deployment) {
  if (controllers::needs_reconcile(deployment)) return false;
  return !TRY(controllers::is_pending(reader_, deployment.metadata().name()));
}

Result<> Planter::place(const v1::Deployment& deployment, v1::Tree& tree) {
  const auto& spec = deployment.spec();
  const auto& status = deployment.status();
  const auto* ready = controllers::find_condition(status.conditions(), reasons::kReady);
  auto waiting = waiting_text(spec);
  if (status.regions().empty() || !waiting.empty()) {
    auto& place = *tree.add_places();
    place.set_environment(spec.environment());
    place.set_release(spec.candidate() != 0 ? spec.candidate() : spec.release());
    const bool approval = spec.candidate_waits() == "approval";
    place.set_state(waiting.empty() ? status.state() : approval ? "AwaitingApproval" : "AwaitingEnvironment");
    place.set_message(!waiting.empty() ? waiting : ready == nullptr ? "" : ready->message());
  }
  const bool is_seen = TRY(seen(deployment));
  for (const auto& rollout : status.regions()) {
    auto& place = *tree.add_places();
    place.set_environment(spec.environment());
    place.set_region(rollout.region());
    place.set_release(rollout.release());
    // What was just asked for may not have been looked at yet: how it went with what was wanted before says
    // nothing of it.
    const bool about_before = !is_seen && rollout.state() != "Leaving" && rollout.state() != "Stale";
    place.set_state(about_before ? "RollingOut" : rollout.state());
    place.set_message(about_before ? "is about to begin" : rollout.message());
    if (is_seen && status.state() == "Failed" && rollout.has_progressed()) place.set_state("Failed");
    const auto region = TRY(objects::get<v1::Region>(reader_, rollout.region()));
    const auto user = controllers::user_of_deployment(deployment.metadata().name());
    for (const auto& [name, alias] : TRY(controllers::used_by(reader_, user, rollout.region())))
      TRY(grow(name, alias, region ? &*region : nullptr, *place.add_roots()));
    TRY(kept_data(rollout.region(), spec.environment(), region ? &*region : nullptr, place));
  }
  return {};
}

}  // namespace

Result<v1::Tree> tree(const Context& context, std::string_view application) {
  const auto reader = TRY(context.store.snapshot());
  const auto app = TRY(existing<v1::Application>(*reader, application));
  v1::Tree tree;
  tree.set_application(app.metadata().name());
  tree.set_generation(app.metadata().generation());
  Planter planter(*reader, app);
  for (const auto& deployment :
       TRY(objects::list<v1::Deployment>(*reader, {.name_prefix = fmt::format("{}.", application)}))) {
    TRY(planter.environment(deployment, tree));
    TRY(planter.place(deployment, tree));
  }
  return tree;
}

}  // namespace qleet::hub::frontend
