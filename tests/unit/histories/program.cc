#include "tests/unit/histories/program.h"

#include <fmt/format.h>

#include "common/model/model.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::tests {
namespace {

// A type requires only later ones, so that there are no circles.
const std::vector<std::string> kTypes = {"gateway", "database", "volume", "network", "host"};
const std::vector<std::string> kEnvironments = {"default", "dev", "prod"};
const std::vector<std::string> kApplications = {"shop", "cart", "blog", "mail"};
// What no workload may ask for; some profiles require it. It never changes.
constexpr const char* kClosed = "vault";
// Never changes either.
constexpr const char* kRoute = "route";
constexpr const char* kImage = "registry.example/team/web";

google::protobuf::Value text(const std::string& value) {
  google::protobuf::Value out;
  out.set_string_value(value);
  return out;
}

std::string name_in(const std::string& kind, const std::string& name) {
  return fmt::format("{} {}", kind, name);
}

// Status and what the hub writes left out.
std::string described(const google::protobuf::Message& object) {
  const auto* spec = object.GetDescriptor()->FindFieldByName("spec");
  if (spec == nullptr) return object.ShortDebugString();
  return fmt::format("{} {} {}", model::kind_of(object).name, model::meta(object).name(),
                     object.GetReflection()->GetMessage(object, spec).ShortDebugString());
}

}  // namespace

v1::Profile Program::profile(size_t type, const std::string& variant) {
  v1::Profile profile;
  const bool workload = type >= kTypes.size();
  const auto& name = workload ? "workload" : kTypes[type];
  profile.mutable_metadata()->set_name(fmt::format("{}-{}", name, variant));
  (*profile.mutable_metadata()->mutable_labels())["kind"] = variant;
  auto& spec = *profile.mutable_spec();
  spec.mutable_satisfies()->set_type(name);
  if (variant == "big") spec.mutable_satisfies()->set_class_("big");
  spec.set_default_(variant != "other");
  spec.set_provider("container");
  const size_t first = workload ? 3 : type + 1;
  for (size_t other = first; other < kTypes.size(); ++other) {
    if (!dice_.chance(45)) continue;
    auto& requirement = (*spec.mutable_requirements())["its-" + kTypes[other]];
    requirement.set_type(kTypes[other]);
    if (dice_.chance(25)) requirement.set_id("main");
  }
  if (!workload && dice_.chance(15)) (*spec.mutable_requirements())["its-vault"].set_type(kClosed);
  if (!workload) {
    spec.set_scope(
        dice_.pick({"", "workload", "application", "environment", "environment", "region", "region"}));
    spec.mutable_askers()->set_workloads(true);  // also where a region shares it
    spec.mutable_when_unused()->set_after(dice_.pick({"0s", "1m", "10m", "1h"}));
    spec.mutable_when_unused()->set_do_(dice_.pick({"", "delete", "delete", "retain"}));
    if (name == "volume" ? dice_.chance(60) : dice_.chance(15))
      spec.set_keeps_data(name == "volume" ? dice_.chance(20) : dice_.chance(70));
    auto& size = *(*spec.mutable_parameters()->mutable_fields())["size"].mutable_struct_value();
    (*size.mutable_fields())["type"] = text("string");
    (*size.mutable_fields())["default"] = text("s");
    (*spec.mutable_template_()->mutable_fields())["size"] = text("${params.size}");
  } else {
    (*spec.mutable_template_()->mutable_fields())["score"] = text("${params.score}");
    (*spec.mutable_template_()->mutable_fields())["replicas"] = text("${params.replicas}");
  }
  (*spec.mutable_outputs()->mutable_fields())["name"] = text("${metadata.name}");
  return profile;
}

v1::Profile Program::closed_profile() {
  v1::Profile profile;
  profile.mutable_metadata()->set_name(kClosed);
  auto& spec = *profile.mutable_spec();
  spec.mutable_satisfies()->set_type(kClosed);
  spec.set_scope("environment");
  spec.set_provider("container");
  spec.set_default_(true);
  spec.mutable_askers()->set_workloads(false);
  (*spec.mutable_outputs()->mutable_fields())["name"] = text("${metadata.name}");
  return profile;
}

v1::Profile Program::route_profile() {
  v1::Profile profile;
  profile.mutable_metadata()->set_name(kRoute);
  auto& spec = *profile.mutable_spec();
  spec.mutable_satisfies()->set_type(kRoute);
  spec.set_provider("route");
  spec.set_default_(true);
  spec.mutable_when_unused()->set_after("0s");
  for (const auto* param : {"host", "path"}) {
    auto& schema = *(*spec.mutable_parameters()->mutable_fields())[param].mutable_struct_value();
    (*schema.mutable_fields())["type"] = text("string");
    (*spec.mutable_template_()->mutable_fields())[param] = text(fmt::format("${{params.{}}}", param));
  }
  auto& share = *(*spec.mutable_parameters()->mutable_fields())["share"].mutable_struct_value();
  (*share.mutable_fields())["type"] = text("boolean");
  (*share.mutable_fields())["default"].set_bool_value(false);
  return profile;
}

v1::Profile Program::changed(v1::Profile profile) {
  auto& spec = *profile.mutable_spec();
  const bool workload = spec.satisfies().type() == "workload";
  size_t type = 0;
  while (type < kTypes.size() && kTypes[type] != spec.satisfies().type()) ++type;
  const auto fresh = this->profile(type, profile.metadata().labels().at("kind"));
  switch (dice_.below(workload ? 2 : 7)) {
    case 0:
      (*spec.mutable_template_()->mutable_fields())["note"] = text(fmt::format("{}", ++counter_));
      break;
    case 1:
      *spec.mutable_requirements() = fresh.spec().requirements();
      break;
    case 2:
      *spec.mutable_when_unused() = fresh.spec().when_unused();
      spec.clear_keeps_data();
      if (fresh.spec().has_keeps_data()) spec.set_keeps_data(fresh.spec().keeps_data());
      break;
    case 3:
      spec.set_scope(fresh.spec().scope());
      break;
    case 4:
      (*(*spec.mutable_parameters()->mutable_fields())["size"]
            .mutable_struct_value()
            ->mutable_fields())["default"] = text(dice_.pick({"s", "l"}));
      break;
    case 5:
      spec.set_regions(spec.regions().empty() ? dice_.pick({"tier=a", "tier=b"}) : "");
      break;
    default:
      spec.set_default_(!spec.default_());
      break;
  }
  return profile;
}

v1::Environment Program::environment(const std::string& name) {
  v1::Environment environment;
  environment.mutable_metadata()->set_name(name);
  auto& spec = *environment.mutable_spec();
  spec.mutable_regions()->set_selector(dice_.pick({"", "", "tier=a", "tier=b"}));
  if (dice_.chance(25)) spec.mutable_regions()->set_count(1 + static_cast<unsigned>(dice_.below(2)));
  if (dice_.chance(25)) spec.add_profiles("kind=other");
  if (dice_.chance(30)) spec.set_unused_after(dice_.pick({"0s", "30s", "20m"}));
  if (dice_.chance(15)) spec.mutable_protect()->set_data(true);
  if (dice_.chance(30)) spec.mutable_guardrails()->set_max_regions_at_once(1);
  if (dice_.chance(50)) spec.mutable_rollout()->set_deadline(dice_.pick({"0", "30s", "5m"}));
  if (dice_.chance(25)) spec.mutable_rollout()->set_on_failure("stay");
  if (dice_.chance(20)) (*spec.mutable_variables())["level"] = fmt::format("{}", ++counter_);
  for (const auto* workload : {"web", "jobs"}) {
    if (!dice_.chance(15)) continue;
    auto& values = (*(*spec.mutable_applications())[dice_.pick(kApplications)].mutable_workloads())[workload];
    if (dice_.chance(50)) values.set_replicas(static_cast<unsigned>(dice_.below(3)));
    if (dice_.chance(50)) (*values.mutable_variables())["NUMBER"] = fmt::format("{}", dice_.below(3));
  }
  if (name == "prod" && dice_.chance(60)) {
    if (dice_.chance(50)) {
      spec.mutable_builds()->set_by("approval");
    } else {
      spec.mutable_builds()->mutable_after()->set_environment("dev");
      spec.mutable_builds()->mutable_after()->set_healthy_for(dice_.pick({"0s", "1000h"}));
    }
  }
  return environment;
}

void Program::set_workload(v1::Workload& workload) {
  auto& score = *workload.mutable_score();
  (*score.mutable_containers())["main"].set_image(kImage);
  (*(*score.mutable_containers())["main"].mutable_variables())["NUMBER"] = fmt::format("{}", dice_.below(3));
  score.clear_resources();
  for (auto left = dice_.below(4); left > 0; --left) {
    const auto& type = dice_.pick(kTypes);
    // With the workloads' names some read the same once they are joined.
    auto& resource = (*score.mutable_resources())[dice_.chance(50) ? fmt::format("my-{}", type) : type];
    resource.set_type(type);
    if (dice_.chance(25)) resource.set_id(dice_.pick({"main", "second"}));
    if (dice_.chance(5)) resource.set_id(fmt::format("web{}my-{}", dice_.pick({".", "-"}), type));
    if (dice_.chance(15)) resource.set_class_(dice_.pick({"big", "big", "retained"}));
    if (dice_.chance(12))
      (*resource.mutable_params()->mutable_fields())["size"] = text(dice_.pick({"s", "l"}));
  }
  if (dice_.chance(3)) (*score.mutable_resources())["my-vault"].set_type(kClosed);
  if (dice_.chance(20)) {
    auto& page = (*score.mutable_resources())["page"];
    page.set_type(kRoute);
    auto& params = *page.mutable_params()->mutable_fields();
    params["host"] = text(dice_.pick({"a.example", "b.example"}));
    params["path"] = text(dice_.pick({"/", "/", "/docs"}));
    if (dice_.chance(40)) params["share"].set_bool_value(true);
  }
  workload.clear_replicas();
  if (dice_.chance(20)) workload.set_replicas(1 + static_cast<unsigned>(dice_.below(3)));
  workload.clear_builds();
  if (dice_.chance(50)) workload.mutable_builds()->set_image(kImage);
}

v1::Application Program::application(const std::string& name) {
  v1::Application app;
  app.mutable_metadata()->set_name(name);
  for (const auto& environment : kEnvironments) {
    if (dice_.chance(50)) app.mutable_spec()->add_environments(environment);
  }
  if (dice_.chance(8)) app.mutable_spec()->set_regions(dice_.pick({"tier=a", "tier!=a"}));
  set_workload((*app.mutable_spec()->mutable_workloads())["web"]);
  if (dice_.chance(40)) set_workload((*app.mutable_spec()->mutable_workloads())["jobs"]);
  if (dice_.chance(30)) set_workload((*app.mutable_spec()->mutable_workloads())["web-my"]);
  return app;
}

v1::Application Program::changed(v1::Application app) {
  const auto fresh = application(app.metadata().name());
  if (dice_.chance(30)) *app.mutable_spec()->mutable_environments() = fresh.spec().environments();
  if (dice_.chance(20)) app.mutable_spec()->set_regions(fresh.spec().regions());
  auto& workloads = *app.mutable_spec()->mutable_workloads();
  if (dice_.chance(80)) workloads = fresh.spec().workloads();
  if (dice_.chance(15)) {
    const auto was = dice_.pick({"web", "jobs", "site"});
    const auto is = dice_.pick({"site", "jobs", "shop-2"});
    if (workloads.contains(was) && !workloads.contains(is)) {
      workloads[is] = workloads[was];
      workloads[is].set_renamed_from(was);
      workloads.erase(was);
    }
  }
  return app;
}

void Program::begin(Scene& scene) {
  Objects objects{std::make_shared<v1::Profile>(closed_profile()),
                  std::make_shared<v1::Profile>(route_profile())};
  for (size_t type = 0; type <= kTypes.size(); ++type) {
    objects.push_back(std::make_shared<v1::Profile>(profile(type, "usual")));
    if (type < kTypes.size() && dice_.chance(40))
      objects.push_back(std::make_shared<v1::Profile>(profile(type, "other")));
    if (type < kTypes.size() && dice_.chance(20))
      objects.push_back(std::make_shared<v1::Profile>(profile(type, "big")));
  }
  for (const auto& name : kEnvironments)
    objects.push_back(std::make_shared<v1::Environment>(environment(name)));
  const auto done = apply(objects).act(scene.context());
  if (!done) throw Broken(done.error().message);
  for (size_t i = 0, count = 1 + dice_.below(3); i < count; ++i) {
    regions_.push_back(std::string(1, static_cast<char>('a' + i)));
    scene.join(regions_.back(), i == 1 ? "b" : "a");
  }
}

Program::Objects Program::new_application(const Scene& scene) {
  const auto& name = dice_.pick(kApplications);
  const auto known = scene.get<v1::Application>(name);
  return {std::make_shared<v1::Application>(known && dice_.chance(70) ? changed(*known) : application(name))};
}

Program::Objects Program::new_profile(const Scene& scene) {
  auto known = scene.all<v1::Profile>();
  std::erase_if(known, [](const v1::Profile& one) {
    return one.metadata().name() == kClosed || one.metadata().name() == kRoute;
  });
  if (!known.empty() && dice_.chance(85)) return {std::make_shared<v1::Profile>(changed(dice_.pick(known)))};
  return {std::make_shared<v1::Profile>(
      profile(dice_.below(kTypes.size()), dice_.pick({"usual", "other", "big"})))};
}

Program::Objects Program::new_environment(const Scene&) {
  return {std::make_shared<v1::Environment>(environment(dice_.pick(kEnvironments)))};
}

Program::Objects Program::new_region(const Scene&) {
  v1::Region region;
  region.mutable_metadata()->set_name(dice_.pick(regions_));
  (*region.mutable_metadata()->mutable_labels())["tier"] = dice_.pick({"a", "a", "b", "c"});
  region.mutable_spec()->set_cordoned(dice_.chance(20));
  return {std::make_shared<v1::Region>(region)};
}

Program::Objects Program::something(const Scene& scene) {
  const auto at = dice_.below(100);
  if (at < 55) return new_application(scene);
  if (at < 75) return new_profile(scene);
  if (at < 90) return new_environment(scene);
  return new_region(scene);
}

Step Program::apply(Objects objects) {
  Step step;
  step.text = "apply";
  for (const auto& object : objects) step.text += fmt::format("\n    {}", described(*object));
  const auto copies = [objects] {
    std::vector<model::Object> all;
    for (const auto& object : objects) {
      all.emplace_back(object->New());
      all.back()->CopyFrom(*object);
    }
    return all;
  };
  step.plan = frontend::plan_apply(caller_, copies(), {});
  step.act = [copies, caller = caller_](const frontend::Context& context) -> Result<v1::PlanResult> {
    const auto applied = TRY(frontend::apply(context, caller, copies()));
    v1::PlanResult result;
    *result.mutable_objects() = applied.objects();
    *result.mutable_releases() = applied.releases();
    *result.mutable_warnings() = applied.warnings();
    *result.mutable_data() = applied.data();
    return result;
  };
  step.tells_data = true;
  return step;
}

Step Program::erase(const std::string& kind, const std::string& name, bool with_data) {
  Step step;
  step.text = fmt::format("delete {}{}", name_in(kind, name), with_data ? " with its data" : "");
  const auto& known = *model::find_kind(kind);
  const frontend::EraseOptions options{.delete_data = with_data};
  step.plan = frontend::plan_erase(caller_, known, name, options);
  step.act = [&known, name, options,
              caller = caller_](const frontend::Context& context) -> Result<v1::PlanResult> {
    auto erased = TRY(frontend::erase(context, caller, known, name, options));
    v1::PlanResult result;
    *result.mutable_data() = std::move(*erased.mutable_data());
    auto& change = *result.add_objects();
    change.set_kind(std::string(known.name));
    change.set_name(name);
    change.set_action("Deleted");
    return result;
  };
  if (known.name == "Resource") step.erases = name;
  if (with_data) step.erases_data_of = name;
  step.tells_data = true;
  return step;
}

namespace {

Result<v1::PlanResult> answered(Result<v1::DeliveryAnswers> answers) {
  const auto given = TRY(std::move(answers));
  v1::PlanResult result;
  *result.mutable_releases() = given.releases();
  return result;
}

}  // namespace

Step Program::build() {
  v1::BuildSpec build;
  build.set_image(kImage);
  build.set_tag(fmt::format("main-{}", dice_.below(6)));
  build.set_digest("sha256:" + std::string(64, static_cast<char>('a' + dice_.below(6))));
  if (dice_.chance(20)) build.set_application(dice_.pick(kApplications));
  // Some come with an order, and some of these late.
  if (dice_.chance(40)) build.set_number(1 + dice_.below(20));
  Step step;
  step.text = "build " + build.ShortDebugString();
  step.plan = frontend::plan_build(caller_, build);
  step.act = [build, caller = caller_](const frontend::Context& context) {
    return answered(frontend::notify_build(context, caller, build));
  };
  return step;
}

Step Program::approve(const Scene& scene) {
  v1::ApproveRequest request;
  request.set_application(dice_.pick(kApplications));
  request.set_environment("prod");
  for (const auto& deployment : scene.all<v1::Deployment>()) {
    if (deployment.spec().candidate() == 0 || !dice_.chance(70)) continue;
    request.set_application(deployment.spec().application());
    request.set_environment(deployment.spec().environment());
    if (dice_.chance(50)) request.set_release(deployment.spec().candidate());
  }
  Step step;
  step.text = "approve " + request.ShortDebugString();
  step.plan = frontend::plan_approve(caller_, request);
  step.act = [request, caller = caller_](const frontend::Context& context) {
    return answered(frontend::approve(context, caller, request));
  };
  return step;
}

Step Program::rollback(const Scene& scene) {
  v1::RollbackRequest request;
  request.set_application(dice_.pick(kApplications));
  if (dice_.chance(40)) request.set_environment(dice_.pick(kEnvironments));
  const auto releases = scene.all<v1::Release>();
  if (!releases.empty() && dice_.chance(40)) {
    const auto& release = dice_.pick(releases);
    request.set_application(release.spec().application());
    request.set_to_release(release.spec().number());
  }
  request.set_force(dice_.chance(40));
  Step step;
  step.text = "roll back " + request.ShortDebugString();
  step.plan = frontend::plan_rollback(caller_, request);
  step.act = [request, caller = caller_](const frontend::Context& context) {
    return answered(frontend::rollback(context, caller, request));
  };
  return step;
}

Step Program::erase_something(const Scene& scene) {
  const auto at = dice_.below(100);
  if (at < 75) return erase("application", dice_.pick(kApplications), dice_.chance(40));
  if (at < 85) return erase("environment", dice_.pick(kEnvironments));
  const auto profiles = scene.all<v1::Profile>();
  if (profiles.empty()) return erase("profile", "none");
  return erase("profile", dice_.pick(profiles).metadata().name());
}

// Mostly one that nobody needs.
Step Program::erase_resource(const Scene& scene) {
  const auto resources = scene.all<v1::Resource>();
  if (resources.empty()) return build();
  for (const auto& resource : resources) {
    if (resource.status().has_unused_since() && dice_.chance(50))
      return erase("resource", resource.metadata().name());
  }
  return erase("resource", dice_.pick(resources).metadata().name());
}

Step Program::next(const Scene& scene) {
  const auto at = dice_.below(100);
  if (at < 32) return apply(new_application(scene));
  if (at < 42) return apply(new_profile(scene));
  if (at < 50) return apply(new_environment(scene));
  if (at < 55) return apply(new_region(scene));
  if (at < 61) {
    auto objects = something(scene);
    for (const auto& other : something(scene)) objects.push_back(other);
    return apply(std::move(objects));
  }
  if (at < 74) return erase_something(scene);
  if (at < 82) return build();
  if (at < 88) return approve(scene);
  if (at < 94) return rollback(scene);
  return erase_resource(scene);
}

}  // namespace qleet::hub::tests
