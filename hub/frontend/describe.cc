#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "common/clock/duration.h"
#include "common/model/params_check.h"
#include "common/text/visible.h"
#include "hub/controllers/askers.h"
#include "hub/controllers/deadline.h"
#include "hub/controllers/events.h"
#include "hub/controllers/health.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/profiles.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/secrets.h"
#include "hub/controllers/times.h"
#include "hub/controllers/values.h"
#include "hub/frontend/explain.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::from_timestamp;

class Describer {
 public:
  Describer(const Reader& reader, WallTime now, v1::Description& out)
      : reader_(reader), now_(now), out_(out) {}

  // The application in one environment alone: its state, where and what it runs, what it last said.
  Result<> in_environment(const v1::Deployment& deployment);

  Result<> run(const google::protobuf::Message& object) {
    if (const auto* app = dynamic_cast<const v1::Application*>(&object)) return application(*app);
    if (const auto* deployment = dynamic_cast<const v1::Deployment*>(&object))
      return this->deployment(*deployment);
    if (const auto* resource = dynamic_cast<const v1::Resource*>(&object)) return this->resource(*resource);
    if (const auto* environment = dynamic_cast<const v1::Environment*>(&object))
      return this->environment(*environment);
    if (const auto* region = dynamic_cast<const v1::Region*>(&object)) return this->region(*region);
    if (const auto* agent = dynamic_cast<const v1::Agent*>(&object)) return this->agent(*agent);
    if (const auto* profile = dynamic_cast<const v1::Profile*>(&object)) return this->profile(*profile);
    if (const auto* release = dynamic_cast<const v1::Release*>(&object)) return this->release(*release);
    if (const auto* secret = dynamic_cast<const v1::Secret*>(&object)) return this->secret(*secret);
    out_.set_summary(fmt::format("{} {}", out_.kind(), out_.name()));
    return {};
  }

 private:
  void fact(std::string_view name, std::string value) {
    if (value.empty()) return;
    auto& fact = *out_.add_facts();
    fact.set_name(std::string(name));
    fact.set_value(std::move(value));
  }
  void take(const Explanation& explanation) {
    out_.set_state(explanation.state);
    out_.set_summary(explanation.summary);
    for (const auto& detail : explanation.details) out_.add_details(detail);
    out_.set_repair(explanation.repair);
    fact("cause", explanation.cause);
  }
  Result<std::vector<std::string>> below(const std::string& prefix) {
    std::vector<std::string> names;
    for (const auto& entry : TRY(reader_.scan({.prefix = prefix}))) names.emplace_back(keys::last(entry.key));
    return names;
  }

  Result<> application(const v1::Application& app);
  Result<> whereabouts(const v1::Deployment& deployment, const std::string& in);
  Result<> values(const v1::Deployment& deployment);
  Result<> deployment(const v1::Deployment& deployment);
  Result<> resource(const v1::Resource& resource);
  Result<> environment(const v1::Environment& environment);
  Result<> region(const v1::Region& region);
  Result<> agent(const v1::Agent& agent);
  Result<> profile(const v1::Profile& profile);
  Result<> secret(const v1::Secret& secret);
  Result<> release(const v1::Release& release);

  const Reader& reader_;
  const WallTime now_;
  v1::Description& out_;
};

Result<> Describer::application(const v1::Application& app) {
  *out_.mutable_conditions() = app.status().conditions();
  std::vector<Explanation> all;
  std::vector<std::string> ready;
  const auto& name = app.metadata().name();
  for (const auto& deployment : TRY(objects::list<v1::Deployment>(reader_, {.name_prefix = name + "."}))) {
    all.push_back(TRY(explain(reader_, deployment, now_)));
    if (all.back().ready) ready.push_back(deployment.spec().environment());
    fact(fmt::format("held back in {}", deployment.spec().environment()),
         controllers::held_back(deployment.spec()));
    if (deployment.spec().candidate() != 0 && deployment.spec().release() != 0)
      fact(fmt::format("candidate in {}", deployment.spec().environment()),
           fmt::format("release {} waits for {}", deployment.spec().candidate(),
                       deployment.spec().candidate_waits()));
  }
  const auto broken = std::ranges::find(all, false, &Explanation::ready);
  if (app.metadata().has_deletion_timestamp()) {
    out_.set_state("Deleting");
    out_.set_summary(fmt::format("{} is being deleted", name));
  } else if (all.empty()) {
    out_.set_state("Pending");
    out_.set_summary(fmt::format("{} has not been looked at by the hub yet", name));
  } else if (broken == all.end()) {
    out_.set_state("Ready");
    out_.set_summary(fmt::format("{} is ready in {}", name, fmt::join(ready, ", ")));
  } else {
    take(*broken);
    for (auto it = broken + 1; it != all.end(); ++it) {
      if (!it->ready) out_.add_details(it->summary);
    }
    if (!ready.empty()) out_.add_details(fmt::format("It is ready in {}.", fmt::join(ready, ", ")));
  }
  fact("release", fmt::format("{}", app.status().latest_release()));
  std::vector<std::string> workloads;
  for (const auto& [workload, definition] : app.spec().workloads()) workloads.push_back(workload);
  std::ranges::sort(workloads);
  fact("workloads", fmt::format("{}", fmt::join(workloads, ", ")));
  for (const auto& deployment : TRY(objects::list<v1::Deployment>(reader_, {.name_prefix = name + "."})))
    TRY(whereabouts(deployment, " in " + deployment.spec().environment()));
  return {};
}

Result<> Describer::in_environment(const v1::Deployment& deployment) {
  *out_.mutable_conditions() = deployment.status().conditions();
  take(TRY(explain(reader_, deployment, now_)));
  const auto& spec = deployment.spec();
  fact("state", deployment.status().state());
  fact("release", fmt::format("{}", spec.release()));
  if (deployment.status().failed_release() != 0)
    fact("failed release", fmt::format("{}{}", deployment.status().failed_release(),
                                       spec.returned_from() == 0 ? "" : ", which it returned from"));
  if (spec.candidate() != 0 && spec.release() != 0)
    fact("candidate", fmt::format("release {} waits for {}", spec.candidate(), spec.candidate_waits()));
  fact("held back", controllers::held_back(spec));
  TRY(whereabouts(deployment, ""));
  TRY(values(deployment));
  for (const auto& event : TRY(controllers::events_of(reader_, "Deployment", deployment.metadata().name())))
    *out_.add_events() = event.spec();
  return {};
}

// What the environment says of it.
Result<> Describer::values(const v1::Deployment& deployment) {
  const auto environment = TRY(objects::get<v1::Environment>(reader_, deployment.spec().environment()));
  const auto app = TRY(objects::get<v1::Application>(reader_, deployment.spec().application()));
  if (!environment || !app) return {};
  std::map<std::string, const v1::WorkloadValues*> given;
  for (const auto& [workload, definition] : app->spec().workloads())
    given[workload] = controllers::values_of(*environment, app->metadata().name(), workload);
  for (const auto& [workload, said] : given) {
    if (said == nullptr) continue;
    std::vector<std::string> parts;
    if (said->has_replicas()) parts.push_back(fmt::format("replicas {}", said->replicas()));
    for (const auto& [name, value] : std::map(said->variables().begin(), said->variables().end()))
      parts.push_back(fmt::format("{}={}", name, value));
    std::set<std::string> resources;
    for (const auto& [resource, params] : said->params()) resources.insert(resource);
    for (const auto& resource : resources)
      parts.push_back(fmt::format("params of {} {}", resource, model::to_json(said->params().at(resource))));
    fact(fmt::format("values of {}", workload), fmt::format("{}", fmt::join(parts, ", ")));
  }
  return {};
}

// Where it runs, what runs there, and how it is reached.
Result<> Describer::whereabouts(const v1::Deployment& deployment, const std::string& in) {
  const auto& spec = deployment.spec();
  std::vector<std::string> places;
  std::set<std::string> urls;
  for (const auto& region : deployment.status().regions()) {
    places.push_back(fmt::format("{} ({}, release {})", region.region(), region.state(), region.release()));
    for (const auto& resource :
         TRY(controllers::resources_of(reader_, deployment.metadata().name(), region.region()))) {
      const auto url = resource.status.outputs().find("url");
      if (url != resource.status.outputs().end()) urls.insert(url->second);
    }
  }
  fact(in.empty() ? "runs in region" : "runs" + in, list_some(places, 10));
  const auto number = deployment.status().release() != 0 ? deployment.status().release() : spec.release();
  const auto release =
      TRY(objects::get<v1::Release>(reader_, fmt::format("{}.{}", spec.application(), number)));
  if (release) {
    for (const auto& pin : controllers::in_order(release->spec()))
      fact(fmt::format("image of {}/{}{}", pin.workload(), pin.container(), in), pin.image());
  }
  for (const auto& url : urls) fact("url" + in, url);
  return {};
}

Result<> Describer::deployment(const v1::Deployment& deployment) {
  *out_.mutable_conditions() = deployment.status().conditions();
  take(TRY(explain(reader_, deployment, now_)));
  fact("wanted release", fmt::format("{}", deployment.spec().release()));
  fact("current release", fmt::format("{}", deployment.status().release()));
  if (deployment.status().failed_release() != 0)
    fact("failed release",
         fmt::format("{}{}", deployment.status().failed_release(),
                     deployment.spec().returned_from() == 0 ? "" : ", which it returned from"));
  fact("replicas", fmt::format("{} of {} ready, {} restarts", deployment.status().ready(),
                               deployment.status().replicas(), deployment.status().restarts()));
  if (deployment.spec().candidate() != 0)
    fact("candidate", fmt::format("release {} waits for {}", deployment.spec().candidate(),
                                  deployment.spec().candidate_waits()));
  fact("held back", controllers::held_back(deployment.spec()));
  fact("approved by", deployment.spec().approved_by());
  for (const auto& region : deployment.status().regions())
    fact(fmt::format("region {}", region.region()),
         fmt::format("{}, release {}{}{}", region.state(), region.release(),
                     region.message().empty() ? "" : ": ", region.message()));
  return {};
}

Result<> Describer::resource(const v1::Resource& resource) {
  *out_.mutable_conditions() = resource.status().conditions();
  const auto region = TRY(objects::get<v1::Region>(reader_, resource.spec().region()));
  take(explain(resource, region ? &*region : nullptr, now_));
  const auto& spec = resource.spec();
  fact("type",
       spec.class_().empty() ? spec.type() : fmt::format("{} (class {})", spec.type(), spec.class_()));
  if (spec.has_secret())
    fact("secret", fmt::format("{} (version {})", spec.secret().name(), spec.secret().version()));
  else
    fact("profile", fmt::format("{} (generation {})", spec.profile(), spec.profile_generation()));
  fact("provider", spec.provider());
  std::vector<std::string> users;
  for (const auto& use : TRY(controllers::users_of(reader_, resource.metadata().name())))
    users.push_back(controllers::describe_user(use));
  fact("asked for by", list_some(users, 10));
  std::map<std::string, std::string> sorted(spec.dependencies().begin(), spec.dependencies().end());
  for (const auto& [alias, name] : sorted) fact(fmt::format("depends on {}", alias), name);
  sorted = {resource.status().outputs().begin(), resource.status().outputs().end()};
  for (const auto& [output, value] : sorted) fact(fmt::format("output {}", output), value);
  for (const auto& output : resource.status().secret_outputs())
    fact(fmt::format("output {}", output), "(secret)");
  return {};
}

Result<> Describer::environment(const v1::Environment& environment) {
  *out_.mutable_conditions() = environment.status().conditions();
  const auto& regions = environment.status().regions();
  const auto apps = TRY(below(keys::app_env(environment.metadata().name(), "")));
  out_.set_state(regions.empty() ? "NoRegion" : "Ready");
  out_.set_summary(fmt::format("environment {} has {} {} and {} {}", environment.metadata().name(),
                               regions.size(), regions.size() == 1 ? "region" : "regions", apps.size(),
                               apps.size() == 1 ? "application" : "applications"));
  if (regions.empty()) out_.set_repair(repair_for("NoRegion", nullptr));
  fact("regions", list_some({regions.begin(), regions.end()}, 10));
  fact("applications", list_some(apps, 10));
  fact("tags pushed again",
       environment.spec().images().repushed().empty() ? "ignore" : environment.spec().images().repushed());
  const auto& rollout = environment.spec().rollout();
  const auto deadline = controllers::deadline_of(rollout);
  fact("a release fails after",
       deadline ? fmt::format("{} without progress", human_duration(*deadline)) : "never");
  fact("on failure", rollout.on_failure() == "stay" ? "stays" : "goes back to the last good release");
  const auto& builds = environment.spec().builds();
  fact("builds get in",
       builds.after().environment().empty()
           ? (builds.by().empty() ? "auto" : builds.by())
           : fmt::format("after {} was healthy for {}{}", builds.after().environment(),
                         builds.after().healthy_for(), builds.by() == "approval" ? ", by approval" : ""));
  return {};
}

Result<> Describer::region(const v1::Region& region) {
  *out_.mutable_conditions() = region.status().conditions();
  const auto& name = region.metadata().name();
  const auto connection = controllers::connection_of(region);
  out_.set_state(connection.connected ? "Ready" : "Stale");
  out_.set_summary(connection.connected
                       ? fmt::format("region {} is served by agent {}", name, region.status().agent())
                       : fmt::format("region {} cannot be reached: {}", name, connection.message));
  if (!connection.connected && !region.status().agent().empty())
    out_.set_repair(repair_for("Stale", nullptr));
  if (region.spec().cordoned()) out_.add_details("It is cordoned: it takes nothing new.");
  fact("deployments", list_some(TRY(below(keys::region_dep(name, ""))), 10));
  return {};
}

Result<> Describer::agent(const v1::Agent& agent) {
  *out_.mutable_conditions() = agent.status().conditions();
  const auto& status = agent.status();
  out_.set_state(status.state());
  out_.set_summary(fmt::format("agent {} of region {} is {}", agent.metadata().name(), agent.spec().region(),
                               status.state()));
  if (status.has_since()) {
    const auto since = from_timestamp(status.since());
    out_.add_details(
        fmt::format("Since {} ({}).", format_time(since), human_duration(std::max(now_ - since, Millis(0)))));
  }
  if (status.state() == "Lost") out_.set_repair(repair_for("Stale", nullptr));
  fact("version", status.version());
  fact("providers", fmt::format("{}", fmt::join(status.providers(), ", ")));
  if (!status.unclaimed().empty())
    fact("unclaimed", fmt::format("{} resources that this hub does not know: {}", status.unclaimed_size(),
                                  list_some({status.unclaimed().begin(), status.unclaimed().end()})));
  return {};
}

Result<> Describer::profile(const v1::Profile& profile) {
  const auto& spec = profile.spec();
  const auto users = TRY(below(keys::type(spec.satisfies().type(), "")));
  out_.set_summary(fmt::format("profile {} satisfies {}{}{}", profile.metadata().name(),
                               spec.satisfies().type(), spec.satisfies().class_().empty() ? "" : ", class ",
                               spec.satisfies().class_()));
  fact("default", spec.default_() ? "yes" : "no");
  fact("scope", std::string(controllers::scope_of(profile)));
  fact("provider", spec.provider());
  std::vector<std::string> needs;
  for (const auto& [alias, requirement] : spec.requirements()) needs.push_back(requirement.type());
  std::ranges::sort(needs);
  fact("requires", fmt::format("{}", fmt::join(needs, ", ")));
  fact("may be asked for by", controllers::askers_text(profile));
  fact("environments", spec.environments().empty() ? "all" : spec.environments());
  std::vector<std::string> open;
  std::vector<std::string> operators;
  for (const auto& [name, schema] : spec.parameters().fields())
    (model::is_operators(spec.parameters(), name) ? operators : open).push_back(name);
  std::ranges::sort(open);
  std::ranges::sort(operators);
  fact("parameters", fmt::format("{}", fmt::join(open, ", ")));
  fact("parameters of the operator", fmt::format("{}", fmt::join(operators, ", ")));
  fact("deployments that ask for its type", list_some(users, 10));
  return {};
}

Result<> Describer::release(const v1::Release& release) {
  const auto& spec = release.spec();
  const bool waits = controllers::waits_for_digest(spec);
  out_.set_state(waits ? "ResolvingImages" : "Complete");
  out_.set_summary(fmt::format("release {} of {}, made by {}{}{}", spec.number(), spec.application(),
                               spec.cause(), spec.cause_detail().empty() ? "" : ": ", spec.cause_detail()));
  if (waits)
    out_.add_details(
        "Not every image's digest is known yet: the region that needs it first finds it out, and nothing "
        "runs by the "
        "tag until it is recorded here.");
  for (const auto& pin : controllers::in_order(spec)) {
    auto value = pin.image();
    if (!pin.build().empty()) value += fmt::format(" (build {})", pin.build());
    if (!pin.resolved_in().empty()) value += fmt::format(" (found by region {})", pin.resolved_in());
    if (controllers::waits_for_digest(pin)) value += " (its digest is not known yet)";
    fact(fmt::format("image of {}/{}", pin.workload(), pin.container()), std::move(value));
  }
  fact("source revision", spec.source_revision());
  fact("was ready in",
       list_some({release.status().ready_in().begin(), release.status().ready_in().end()}, 10));
  return {};
}

// Never a value.
Result<> Describer::secret(const v1::Secret& secret) {
  const auto facts = controllers::facts_of(secret);
  const auto users =
      controllers::describe_users(TRY(controllers::users_of_secret(reader_, secret.metadata().name())));
  out_.set_summary(fmt::format("secret {} has {} {}, and is used by {}", secret.metadata().name(),
                               facts.keys.size(), facts.keys.size() == 1 ? "key" : "keys",
                               users.empty() ? "nobody" : list_some(users)));
  fact("id", facts.id);
  fact("keys", list_some(facts.keys, 20));
  fact("environment", facts.environment.empty() ? "every one" : facts.environment);
  fact("applications", facts.applications.empty() ? "every one" : list_some(facts.applications, 20));
  return {};
}

// Messages come from regions: none takes more than its line.
std::string line(std::string_view text) {
  std::string out;
  text::append_visible(out, text, {.lines = false});
  return out;
}

std::string text_of(const v1::Description& description) {
  std::string text = line(description.summary()) + "\n";
  for (const auto& detail : description.details()) text += fmt::format("  {}\n", line(detail));
  if (!description.repair().empty()) text += fmt::format("  To repair: {}\n", line(description.repair()));
  for (const auto& fact : description.facts())
    text += fmt::format("{}: {}\n", fact.name(), line(fact.value()));
  if (!description.conditions().empty()) text += "conditions:\n";
  for (const auto& condition : description.conditions())
    text += fmt::format("  {} {} {}{}{}\n", condition.type(), condition.status(), condition.reason(),
                        condition.message().empty() ? "" : ": ", line(condition.message()));
  if (!description.events().empty()) text += "events:\n";
  for (const auto& event : description.events()) {
    text += fmt::format("  {} {} {} ({}x){}{}\n", format_time(from_timestamp(event.last_seen())),
                        event.type(), line(event.reason()), event.count(),
                        event.message().empty() ? "" : ": ", line(event.message()));
  }
  return text;
}

}  // namespace

namespace {

Result<std::vector<v1::Deployment>> deployments_of(const Reader& reader, std::string_view application) {
  const auto prefix = fmt::format("{}.", application);
  return objects::list<v1::Deployment>(reader, {.name_prefix = prefix});
}

Result<v1::Description> describe_in(const Context& context, const Reader& reader,
                                    const v1::Deployment& deployment) {
  v1::Description description;
  description.set_kind("Application");
  description.set_name(deployment.spec().application());
  TRY(Describer(reader, context.clock.wall(), description).in_environment(deployment));
  description.set_text(text_of(description));
  return description;
}

Result<v1::Description> describe_environment(const Context& context, const Reader& reader,
                                             std::string_view application, std::string_view environment) {
  std::vector<std::string> others;
  for (const auto& deployment : TRY(deployments_of(reader, application))) {
    if (deployment.spec().environment() == environment) return describe_in(context, reader, deployment);
    others.push_back(deployment.spec().environment());
  }
  return fail(Code::kNotFound,
              fmt::format("application \"{}\" is not in environment \"{}\"{}", application, environment,
                          others.empty() ? "" : fmt::format("; it is in: {}", fmt::join(others, ", "))));
}

// What is said of it as a whole, and then a block for each environment, below its name.
Result<std::string> text_of_environments(const Context& context, const Reader& reader,
                                         const v1::Description& whole,
                                         const std::vector<v1::Deployment>& deployments) {
  v1::Description overview = whole;
  overview.clear_facts();
  for (const auto& fact : whole.facts()) {
    const bool of_one = std::ranges::any_of(deployments, [&](const auto& deployment) {
      return fact.name().ends_with(" in " + deployment.spec().environment());
    });
    if (!of_one) *overview.add_facts() = fact;
  }
  std::string text = text_of(overview);
  for (const auto& deployment : deployments)
    text += fmt::format("\nenvironment {}\n{}", deployment.spec().environment(),
                        TRY(describe_in(context, reader, deployment)).text());
  return text;
}

}  // namespace

Result<v1::Description> describe(const Context& context, const model::Kind& kind, std::string_view name,
                                 std::string_view environment) {
  const auto reader = TRY(context.store.snapshot());
  const auto object = TRY(objects::get(*reader, kind, name));
  if (!object) return std::unexpected(no_such(*reader, kind, name));
  if (!environment.empty() && kind.name != "Application")
    return fail(Code::kInvalid,
                "query parameter environment: only an application is described for one environment");
  if (!environment.empty()) return describe_environment(context, *reader, name, environment);
  v1::Description description;
  description.set_kind(std::string(kind.name));
  description.set_name(std::string(name));
  TRY(Describer(*reader, context.clock.wall(), description).run(*object));
  const auto& meta = model::meta(*object);
  const auto add = [&](const char* key, std::string value) {
    auto& fact = *description.add_facts();
    fact.set_name(key);
    fact.set_value(std::move(value));
  };
  add("created", format_time(from_timestamp(meta.creation_timestamp())));
  add("generation", fmt::format("{}", meta.generation()));
  for (const auto& event : TRY(controllers::events_of(*reader, kind.name, name)))
    *description.add_events() = event.spec();
  if (kind.name == "Application") {
    const auto deployments = TRY(deployments_of(*reader, name));
    if (deployments.size() > 1) {
      std::vector<std::string> names;
      for (const auto& deployment : deployments) names.push_back(deployment.spec().environment());
      add("environments", fmt::format("{}", fmt::join(names, ", ")));
      description.set_text(TRY(text_of_environments(context, *reader, description, deployments)));
      return description;
    }
  }
  description.set_text(text_of(description));
  return description;
}

}  // namespace qleet::hub::frontend
