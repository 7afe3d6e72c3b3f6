#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/clock/duration.h"
#include "common/model/image_name.h"
#include "common/model/reasons.h"
#include "common/template/replacement.h"
#include "hub/controllers/health.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secrets.h"
#include "hub/frontend/data_notices.h"
#include "hub/frontend/flatten.h"
#include "hub/frontend/operation.h"
#include "hub/frontend/plan_sharing.h"
#include "hub/frontend/plan_values.h"
#include "hub/frontend/rehearsal.h"
#include "hub/store/overlay_store.h"

namespace qleet::hub::frontend {
namespace {

constexpr size_t kMaxDetails = 6;
constexpr std::string_view kContainers = "score.containers.";
constexpr std::string_view kServiceName = "score.service.hostname";
constexpr std::string_view kLookedUpAgain = " looked up again";

std::string unquoted(const std::string& json) {
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

// Of two references to one repository only what tells them apart.
std::string image_change(const std::string& before, const std::string& after) {
  const auto split = [](const std::string& image) {
    auto name = model::split_image(image);
    return std::pair(std::move(name.repository), name.tag.empty() ? name.digest.substr(0, 19) : name.tag);
  };
  const auto [old_repository, old_rest] = split(before);
  const auto [new_repository, new_rest] = split(after);
  if (before.starts_with(after + "@")) return fmt::format("image {}{}", new_rest, kLookedUpAgain);
  if (!model::same_repository(old_repository, new_repository) || old_rest == new_rest)
    return fmt::format("image {} -> {}", before, after);
  return fmt::format("image {} -> {}", old_rest.empty() ? "(no tag)" : old_rest, new_rest);
}

class Planner {
 public:
  Planner(const Reader& before, const Reader& after, const Settled& settled, v1::PlanResult& result)
      : before_(before), after_(after), settled_(settled), result_(result) {}

  Result<> run();

 private:
  Result<> resource(const std::string& name);
  Result<> deployment(const std::string& name);
  Result<> add(const v1::ResourceSpec& spec, v1::PlanChange change);
  Result<> describe_change(const v1::ResourceSpec& before, const v1::ResourceSpec& after,
                           v1::PlanChange& change);
  Result<std::vector<std::string>> secrets_changed(const v1::ResourceSpec& after);
  Result<std::string> why_gone(const std::string& name, const v1::ResourceSpec& spec);
  v1::PlanPlace& place(const std::string& environment, const std::string& region);

  const Reader& before_;
  const Reader& after_;
  const Settled& settled_;
  v1::PlanResult& result_;
  std::map<std::pair<std::string, std::string>, v1::PlanPlace> places_;
};

v1::PlanPlace& Planner::place(const std::string& environment, const std::string& region) {
  auto& found = places_[{environment, region}];
  found.set_environment(environment);
  found.set_region(region);
  return found;
}

Result<> Planner::add(const v1::ResourceSpec& spec, v1::PlanChange change) {
  change.set_type(spec.type());
  change.set_id(spec.id());
  change.set_application(spec.application());
  const auto& action = change.action();
  if (action == "create" || action == "revive") result_.set_to_add(result_.to_add() + 1);
  if (action == "change" || action == "restart") result_.set_to_change(result_.to_change() + 1);
  if (action == "remove") result_.set_to_remove(result_.to_remove() + 1);
  *place(spec.environment(), spec.region()).add_changes() = std::move(change);
  return {};
}

// Where the next version cannot start beside the one that runs, what that means for those who use it.
std::string gap_of(const v1::ResourceSpec& spec) {
  const auto replacement = templates::replacement_of(spec.template_());
  if (!replacement.stops_first) return {};
  if (replacement.volume.empty()) return "stops before it starts again";
  return fmt::format("stops before it starts again: its volume {} cannot be shared", replacement.volume);
}

// Of which Secret what version; empty where it is the same.
std::string secret_change(const v1::SecretUse& before, const v1::SecretUse& after) {
  if (before.name() != after.name())
    return fmt::format("Secret {} version {} -> {} version {}", before.name(), before.version(), after.name(),
                       after.version());
  if (before.version() == after.version()) return "made again";
  return fmt::format("version {} -> {}", before.version(), after.version());
}

// Secrets whose values it is given, and that are others now.
Result<std::vector<std::string>> Planner::secrets_changed(const v1::ResourceSpec& spec) {
  std::map<std::string, std::string> changes;
  for (const auto& [alias, dependency] : spec.dependencies()) {
    const auto before = TRY(objects::get<v1::Resource>(before_, dependency));
    const auto after = TRY(objects::get<v1::Resource>(after_, dependency));
    if (!before || !after || !before->spec().has_secret() || !after->spec().has_secret()) continue;
    if (controllers::drawn_content(before->spec()) == controllers::drawn_content(after->spec())) continue;
    changes[dependency] = fmt::format("secret {} {}", after->spec().id(),
                                      secret_change(before->spec().secret(), after->spec().secret()));
  }
  std::vector<std::string> texts;
  for (auto& [dependency, text] : changes) texts.push_back(std::move(text));
  return texts;
}

Result<> Planner::describe_change(const v1::ResourceSpec& before, const v1::ResourceSpec& after,
                                  v1::PlanChange& change) {
  if (before.has_secret() && after.has_secret()) {
    change.set_action("change");
    change.set_summary("changes");
    change.add_details(secret_change(before.secret(), after.secret()));
    return {};
  }
  const bool workload = after.type() == "workload";
  std::vector<std::string> details;
  bool only_replicas = true;
  bool only_name = true;
  for (const auto& entry : compare(flatten(before.template_()), flatten(after.template_()))) {
    const auto& path = entry.path();
    const auto origin = TRY(origin_of(before_, after_, change.resource(), after, path));
    if (workload && path == "replicas") {
      details.push_back(fmt::format("replicas {} -> {}{}", entry.before(), entry.after(), origin));
      only_name = false;
      continue;
    }
    only_replicas = false;
    only_name = only_name && path == kServiceName;
    if (path.starts_with(kContainers) && path.ends_with(".image") && entry.action() == "~") {
      details.push_back(image_change(unquoted(entry.before()), unquoted(entry.after())));
    } else if (entry.action() == "~") {
      details.push_back(fmt::format("{} {} -> {}{}", path, entry.before(), entry.after(), origin));
    } else {
      details.push_back(fmt::format("{}{} {}{}", entry.action(), path,
                                    entry.action() == "+" ? entry.after() : entry.before(), origin));
    }
  }
  const std::map<std::string, std::string> old_deps(before.dependencies().begin(),
                                                    before.dependencies().end());
  const std::map<std::string, std::string> new_deps(after.dependencies().begin(), after.dependencies().end());
  for (const auto& entry : compare(old_deps, new_deps)) {
    only_replicas = only_name = false;
    details.push_back(fmt::format("{}{}", entry.action() == "~" ? "other " : entry.action(), entry.path()));
  }
  for (auto& secret : TRY(secrets_changed(after))) {
    only_replicas = only_name = false;
    details.push_back(std::move(secret));
  }
  if (before.provider() != after.provider())
    details.push_back(fmt::format("provider {} -> {}", before.provider(), after.provider()));
  if (workload && only_replicas && !details.empty()) {
    change.set_action("change");
    change.set_summary("scales");
  } else if (workload && only_name && !details.empty()) {
    // What has the name already goes on; replicas that an earlier version made have not.
    change.set_action("change");
    change.set_summary("is asked for by name");
  } else if (workload) {
    change.set_action("restart");
    const auto replicas = after.params().fields().find("replicas");
    const auto count =
        replicas == after.params().fields().end() ? 1 : static_cast<int>(replicas->second.number_value());
    const auto gap = gap_of(after);
    change.set_summary(gap.empty() ? fmt::format("rolls {} {}", count, count == 1 ? "replica" : "replicas")
                                   : gap);
  } else {
    change.set_action("change");
    change.set_summary(before.profile_generation() == after.profile_generation() &&
                               before.profile() == after.profile()
                           ? "changes"
                           : fmt::format("changes: profile {}", after.profile()));
    if (const auto gap = gap_of(after); !gap.empty())
      change.set_summary(fmt::format("{}; {}", change.summary(), gap));
  }
  const auto again = [](const std::string& detail) { return detail.ends_with(kLookedUpAgain); };
  if (workload && !details.empty() && std::ranges::all_of(details, again)) {
    change.set_action("change");
    change.set_summary("rolls if it was pushed again");
  }
  if (details.size() > kMaxDetails) {
    const auto more = details.size() - kMaxDetails;
    details.resize(kMaxDetails);
    details.push_back(fmt::format("and {} more", more));
  }
  for (auto& detail : details) change.add_details(std::move(detail));
  return {};
}

Result<std::string> Planner::why_gone(const std::string& name, const v1::ResourceSpec& spec) {
  const auto grace = settled_.graces.find(name);
  if (grace == settled_.graces.end() || grace->second == Millis(0)) return std::string("no longer asked for");
  const auto users = TRY(user_labels(before_, name));
  return fmt::format("no longer asked for; deleted {} after {} no longer {} it (profile {})",
                     human_duration(grace->second), users.empty() ? "anybody" : list_some(users),
                     users.size() == 1 ? "uses" : "use", spec.profile());
}

Result<> Planner::resource(const std::string& name) {
  const auto before = TRY(objects::get<v1::Resource>(before_, name));
  const auto after = TRY(objects::get<v1::Resource>(after_, name));
  const bool was = before && !before->spec().deleted();
  const bool is = after && !after->spec().deleted();
  v1::PlanChange change;
  change.set_resource(name);
  if (!is) {
    if (!was) return {};
    change.set_action("remove");
    change.set_summary(TRY(why_gone(name, before->spec())));
    return add(before->spec(), std::move(change));
  }
  const auto& spec = after->spec();
  const bool was_unused = was && before->status().has_unused_since();
  const bool is_unused = after->status().has_unused_since();
  if (!was || (was_unused && !is_unused)) {
    change.set_action(before ? "revive" : "create");
    change.set_summary(fmt::format("{}: asked for by {}", before ? "again" : "new",
                                   list_some(TRY(user_labels(after_, name)))));
    for (auto& text : TRY(given_by_environment(after_, spec))) change.add_details(std::move(text));
    for (auto& text : TRY(newly_held(before_, after_, name, {}, spec))) change.add_details(std::move(text));
    return add(spec, std::move(change));
  }
  if (!was_unused && is_unused) {
    change.set_action("retain");
    change.set_summary("no longer asked for; kept until somebody deletes it");
    return add(spec, std::move(change));
  }
  if (before->spec().hash() == spec.hash()) return {};
  TRY(describe_change(before->spec(), spec, change));
  for (auto& text : TRY(newly_held(before_, after_, name, before->spec(), spec)))
    change.add_details(std::move(text));
  return add(spec, std::move(change));
}

Result<> Planner::deployment(const std::string& name) {
  const auto before = TRY(objects::get<v1::Deployment>(before_, name));
  const auto after = TRY(objects::get<v1::Deployment>(after_, name));
  if (!after) return {};
  const auto& spec = after->spec();
  if (spec.candidate() != 0 && (!before || before->spec().candidate() != spec.candidate())) {
    place(spec.environment(), "")
        .set_waits(spec.rolled_back()                     ? "is held back: it was rolled back by hand"
                   : spec.candidate_waits() == "approval" ? "waits for approval"
                                                          : "waits for another environment");
  }
  // Nobody is to be surprised by it once more.
  if (before && before->spec().returned_from() != 0 && spec.returned_from() == 0 && spec.release() != 0) {
    const auto failed = before->spec().returned_from();
    const auto tried = spec.candidate() != 0 ? spec.candidate() : spec.release();
    if (tried == failed)
      result_.add_warnings(
          fmt::format("{} in {}: release {} is tried once more; it failed there, and was gone back "
                      "from to release {}",
                      spec.application(), spec.environment(), failed, before->spec().release()));
  }
  const bool blocked = after->status().state() == "Blocked";
  for (const auto& condition : after->status().conditions()) {
    const bool meet = condition.type() == reasons::kSeparate && condition.status() == "False";
    if (meet || (blocked && condition.type() == reasons::kReady))
      result_.add_warnings(
          fmt::format("{} in {}: {}", spec.application(), spec.environment(), condition.message()));
  }
  return {};
}

std::string mark_of(const std::string& action) {
  if (action == "create" || action == "revive") return "+";
  if (action == "remove") return "-";
  if (action == "retain") return "=";
  return "~";
}

std::string text_of(const v1::PlanResult& result) {
  std::string text;
  for (const auto& place : result.places()) {
    const auto environment = place.environment().empty() ? "(all environments)" : place.environment();
    if (place.region().empty()) {
      text += fmt::format("{:<15} {}\n", environment, place.waits());
      continue;
    }
    text += fmt::format("{} / {}\n", environment, place.region());
    for (const auto& change : place.changes()) {
      const bool workload = change.type() == "workload";
      const auto what = workload
                            ? fmt::format("{:<10} {:<21}", change.id(), change.summary())
                            : fmt::format("{:<10} {:<21} {}", change.type(), change.id(), change.summary());
      text += fmt::format("  {} {} {}", mark_of(change.action()), what, fmt::join(change.details(), ", "));
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
  }
  for (const auto& notice : result.data()) text += fmt::format("! {}\n", notice.message());
  for (const auto& warning : result.warnings()) text += fmt::format("! {}\n", warning);
  if (result.to_add() + result.to_change() + result.to_remove() == 0) return text + "nothing is touched.\n";
  return text + fmt::format("{} to add, {} to change, {} to remove; nothing else is touched.\n",
                            result.to_add(), result.to_change(), result.to_remove());
}

Result<> Planner::run() {
  for (const auto& name : settled_.resources) {
    if (!settled_.under_way.contains(name)) TRY(resource(name));
  }
  for (const auto& name : settled_.deployments) TRY(deployment(name));
  for (auto& [key, found] : places_) {
    std::ranges::sort(*found.mutable_changes(), {}, [](const v1::PlanChange& change) {
      return std::pair(change.type() != "workload", change.resource());
    });
    *result_.add_places() = std::move(found);
  }
  result_.set_text(text_of(result_));
  return {};
}

}  // namespace

Result<v1::PlanResult> plan(const Context& context, const Operation& operation) {
  const auto overlay = TRY(OverlayStore::over(context.store));
  const Context copy{*overlay, context.clock, context.random};
  const auto before = TRY(overlay->snapshot());
  auto result = TRY(operation(copy));
  const auto settled = TRY(settle_everything(copy, *before));
  const auto after = TRY(overlay->snapshot());
  result.mutable_data()->MergeFrom(TRY(data_notices(*before, *after, settled)));
  TRY(Planner(*before, *after, settled, result).run());
  return result;
}

Operation plan_apply(const Caller& caller, const std::vector<model::Object>& objects,
                     const ApplyOptions& options) {
  std::vector<std::shared_ptr<const google::protobuf::Message>> copies;
  for (const auto& object : objects) {
    std::shared_ptr<google::protobuf::Message> copy(object->New());
    copy->CopyFrom(*object);
    copies.push_back(std::move(copy));
  }
  auto wet = options;
  wet.dry_run = false;
  return [caller, copies, wet](const Context& copy) -> Result<v1::PlanResult> {
    std::vector<model::Object> again;
    for (const auto& object : copies) {
      again.emplace_back(object->New());
      again.back()->CopyFrom(*object);
    }
    const auto applied = TRY(apply_now(copy, caller, again, wet));
    v1::PlanResult result;
    *result.mutable_objects() = applied.objects();
    *result.mutable_releases() = applied.releases();
    *result.mutable_warnings() = applied.warnings();
    return result;
  };
}

Operation plan_erase(const Caller& caller, const model::Kind& kind, std::string name,
                     const EraseOptions& options) {
  auto wet = options;
  wet.dry_run = false;
  return [caller, &kind, name = std::move(name), wet](const Context& copy) -> Result<v1::PlanResult> {
    auto erased = TRY(erase_now(copy, caller, kind, name, wet));
    v1::PlanResult result;
    *result.mutable_data() = std::move(*erased.mutable_data());
    auto& change = *result.add_objects();
    change.set_kind(std::string(kind.name));
    change.set_name(name);
    change.set_action("Deleted");
    return result;
  };
}

namespace {

Result<v1::PlanResult> from_answers(Result<v1::DeliveryAnswers> answers) {
  const auto delivered = TRY(std::move(answers));
  v1::PlanResult result;
  *result.mutable_releases() = delivered.releases();
  // Said by nothing else in a plan: that nothing follows a build, or why it changes nothing.
  if (!delivered.message().empty()) result.add_warnings(delivered.message());
  return result;
}

}  // namespace

Operation plan_build(const Caller& caller, v1::BuildSpec build) {
  return [caller, build = std::move(build)](const Context& copy) {
    return from_answers(notify_build(copy, caller, build));
  };
}

Operation plan_approve(const Caller& caller, v1::ApproveRequest request) {
  return [caller, request = std::move(request)](const Context& copy) {
    return from_answers(approve(copy, caller, request));
  };
}

Operation plan_rollback(const Caller& caller, v1::RollbackRequest request) {
  return [caller, request = std::move(request)](const Context& copy) {
    return from_answers(rollback(copy, caller, request));
  };
}

}  // namespace qleet::hub::frontend
