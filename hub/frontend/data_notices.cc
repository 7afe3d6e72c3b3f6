#include "hub/frontend/data_notices.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <map>
#include <set>

#include "common/clock/duration.h"
#include "common/model/keeping.h"
#include "hub/controllers/resources.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "hub/store/overlay_store.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::describe_data;
using google::protobuf::util::MessageDifferencer;

// Deployments that are rehearsed for an apply; a plan that somebody asks for has no such bound.
constexpr size_t kMostRehearsed = 100;

// "web (resources.data)", "postgres web.db (its data)".
Result<std::string> used_by_whom(const Reader& reader, const std::string& resource) {
  std::set<std::string> users;
  for (const auto& use : TRY(controllers::users_of(reader, resource))) {
    const auto parts = controllers::parse_resource_name(std::string_view(use.user).substr(2));
    if (!parts || use.user.starts_with("d:")) continue;
    users.insert(parts->type == "workload"
                     ? fmt::format("{} (resources.{})", parts->id, use.alias)
                     : fmt::format("{} {} (its {})", parts->type, parts->id, use.alias));
  }
  return list_some({users.begin(), users.end()});
}

v1::DataNotice notice_of(const v1::Resource& resource, std::string_view fate) {
  const auto& spec = resource.spec();
  v1::DataNotice notice;
  notice.set_resource(resource.metadata().name());
  notice.set_type(spec.type());
  notice.set_id(spec.id());
  notice.set_application(spec.application());
  notice.set_environment(spec.environment());
  notice.set_region(spec.region());
  notice.set_fate(std::string(fate));
  return notice;
}

Result<v1::DataNotice> kept(const Reader& before, const v1::Resource& resource) {
  const auto& name = resource.metadata().name();
  const auto users = TRY(used_by_whom(before, name));
  auto notice = notice_of(resource, kKept);
  auto text = describe_data(resource.spec()) + " is kept";
  if (!users.empty())
    text += fmt::format("; it is used again when {} {} for it as before", users,
                        users.find(", ") == std::string::npos ? "asks" : "ask");
  if (users.find("resources.") != std::string::npos) text += " (a workload that was renamed: renamedFrom)";
  notice.set_message(text + fmt::format(". To delete it: qleet delete resource {}", name));
  return notice;
}

v1::DataNotice deleted(const v1::Resource& before, const Settled& settled) {
  const auto& name = before.metadata().name();
  const auto grace = settled.graces.find(name);
  const bool at_once = grace == settled.graces.end() || grace->second == Millis(0);
  auto notice = notice_of(before, kDeleted);
  auto text = describe_data(before.spec()) + " is deleted with all that is in it, ";
  text += at_once ? "now" : fmt::format("{} after nothing uses it any more", human_duration(grace->second));
  if (!at_once) text += "; until then it is kept after all when somebody asks for it again";
  notice.set_message(std::move(text));
  return notice;
}

// In use as before, and made by another profile: nothing is moved along.
v1::DataNotice left_in_place(const v1::Resource& before, const v1::Resource& after) {
  auto notice = notice_of(before, kKept);
  notice.set_message(
      fmt::format("{} is made anew by profile {} instead of {}; what that one kept is left where it is, and "
                  "is used again when profile {} serves it again",
                  describe_data(before.spec()), after.spec().profile(), before.spec().profile(),
                  before.spec().profile()));
  return notice;
}

std::set<std::string> asked_for(const v1::ApplicationSpec& spec) {
  std::set<std::string> asked;
  for (const auto& environment : spec.environments()) asked.insert("environment " + environment);
  for (const auto& [name, workload] : spec.workloads()) {
    // Another former name may have it take over other data, and leave its own.
    asked.insert(fmt::format("workload {} {}", name, workload.renamed_from()));
    for (const auto& [alias, resource] : workload.score().resources())
      asked.insert(fmt::format("{} {} {}", name, alias, objects::serialize(resource)));
  }
  return asked;
}

bool may_leave(const v1::Application& before, const v1::Application& after) {
  const auto now = asked_for(after.spec());
  if (before.spec().environments().empty() && !after.spec().environments().empty()) return true;
  for (const auto& one : asked_for(before.spec()))
    if (!now.contains(one)) return true;
  return false;
}

bool may_leave(const v1::Environment& before, const v1::Environment& after) {
  auto a = before.spec();
  auto b = after.spec();
  for (auto* spec : {&a, &b}) {
    spec->clear_builds();
    spec->clear_guardrails();
    spec->clear_unused_after();
    spec->clear_protect();
    spec->clear_images();
  }
  return !MessageDifferencer::Equals(a, b);
}

// What a profile is made of leaves data where it was; what it is for, and what it requires, may not.
bool may_leave(const v1::Profile& before, const v1::Profile& after) {
  auto a = before.spec();
  auto b = after.spec();
  for (auto* spec : {&a, &b}) {
    spec->clear_template_();
    spec->clear_outputs();
    spec->clear_parameters();
    spec->clear_when_unused();
    spec->clear_askers();
  }
  return !MessageDifferencer::Equals(a, b);
}

bool may_leave(const v1::Region& before, const v1::Region& after) {
  return before.spec().cordoned() != after.spec().cordoned();
}

std::map<std::string, std::string> labels(const v1::ObjectMeta& meta) {
  return {meta.labels().begin(), meta.labels().end()};
}

template <class T>
Result<size_t> concerned(const Reader& reader, const google::protobuf::Message& object,
                         const std::string& deployments) {
  const auto* after = dynamic_cast<const T*>(&object);
  if (after == nullptr) return 0;
  const auto before = TRY(objects::get<T>(reader, after->metadata().name()));
  // A new profile may serve where another did; labels are what selectors see.
  const bool may = before
                       ? may_leave(*before, *after) || labels(before->metadata()) != labels(after->metadata())
                       : std::is_same_v<T, v1::Profile>;
  if (!may) return 0;
  return TRY(reader.scan({.prefix = deployments, .limit = kMostRehearsed + 1})).size();
}

}  // namespace

Result<Notices> data_notices(const Reader& before, const Reader& after, const Settled& settled) {
  Notices notices;
  for (const auto& name : settled.resources) {
    if (settled.under_way.contains(name)) continue;
    const auto old = TRY(objects::get<v1::Resource>(before, name));
    if (!old || old->spec().deleted() || !model::keeps_data(old->spec())) continue;
    const auto now = TRY(objects::get<v1::Resource>(after, name));
    if (!now || now->spec().deleted()) {
      *notices.Add() = deleted(*old, settled);
    } else if (now->status().has_unused_since() && !old->status().has_unused_since()) {
      *notices.Add() = TRY(kept(before, *now));
    } else if (now->spec().profile() != old->spec().profile() && now->spec().hash() != old->spec().hash()) {
      *notices.Add() = left_in_place(*old, *now);
    }
  }
  return notices;
}

Result<Notices> foresee_data(const Context& context,
                             const std::function<Result<>(const Context&)>& operation) {
  const auto overlay = TRY(OverlayStore::over(context.store));
  const Context copy{*overlay, context.clock, context.random};
  const auto before = TRY(overlay->snapshot());
  if (!operation(copy)) return Notices();
  const auto settled = TRY(settle_everything(copy, *before));
  const auto after = TRY(overlay->snapshot());
  return data_notices(*before, *after, settled);
}

Result<Foresight> may_leave_data(const Reader& reader, const std::vector<model::Object>& objects) {
  size_t deployments = 0;
  for (const auto& object : objects) {
    const auto& name = model::meta(*object).name();
    deployments += TRY(concerned<v1::Application>(reader, *object, keys::object("deployments", name + ".")));
    deployments += TRY(concerned<v1::Environment>(reader, *object, keys::app_env(name, "")));
    deployments += TRY(concerned<v1::Region>(reader, *object, "x/region-dep/"));
    if (const auto* profile = dynamic_cast<const v1::Profile*>(object.get()))
      deployments +=
          TRY(concerned<v1::Profile>(reader, *object, keys::type(profile->spec().satisfies().type(), "")));
  }
  if (deployments == 0) return Foresight::kNothing;
  return deployments > kMostRehearsed ? Foresight::kTooMany : Foresight::kRehearse;
}

std::string unforeseen(const Error& error) {
  return fmt::format("what becomes of data could not be foreseen: {}", error.message);
}

v1::DataNotice left_behind(const v1::Resource& resource, std::string_view why) {
  auto notice = notice_of(resource, kKept);
  notice.set_message(fmt::format("{} is left where it is: {}", describe_data(resource.spec()), why));
  return notice;
}

}  // namespace qleet::hub::frontend
