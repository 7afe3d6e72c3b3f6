#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "common/clock/duration.h"
#include "common/model/keeping.h"
#include "hub/controllers/profiles.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/times.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::from_timestamp;

constexpr size_t kMaxDepth = 32;

// The full name of what was asked for as "<type>/<id>".
Result<std::string> full_name(const Reader& reader, std::string_view word) {
  const auto& kind = model::kind_of(v1::Resource::default_instance());
  const auto slash = word.find('/');
  if (slash == std::string_view::npos) {
    if (TRY(objects::get<v1::Resource>(reader, word))) return std::string(word);
    return fail(Code::kNotFound,
                fmt::format("resource {} does not exist: give its full name, or <type>/<id>", word));
  }
  const auto type = word.substr(0, slash);
  const auto id = word.substr(slash + 1);
  std::vector<std::string> found;
  std::vector<std::string> of_type;
  for (const auto& entry : TRY(reader.scan({.prefix = keys::object(kind.plural, "")}))) {
    const auto name = keys::last(entry.key);
    const auto parts = controllers::parse_resource_name(name);
    if (!parts || parts->type != type) continue;
    of_type.push_back(fmt::format("{}/{}", type, parts->id));
    // The id may have been made from the workload's name and the one that it asks under.
    const bool made_of_it =
        parts->id.ends_with(fmt::format(".{}", id)) || parts->id.ends_with(fmt::format("-{}", id));
    if (parts->id == id || made_of_it) found.emplace_back(name);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return fail(Code::kConflict, fmt::format("{} may be any of: {}", word, list_some(found, 10)));
  return fail(Code::kNotFound,
              fmt::format("there is no resource {}; {}", word,
                          of_type.empty() ? fmt::format("nothing of type {} exists", type)
                                          : fmt::format("there is: {}", list_some(of_type, 10))));
}

class Inquiry {
 public:
  explicit Inquiry(const Reader& reader) : reader_(reader) {}

  Result<> askers(const std::string& resource, google::protobuf::RepeatedPtrField<v1::WhyAsker>& out,
                  size_t depth) {
    if (depth > kMaxDepth || !open_.insert(resource).second) return {};
    const auto asked = controllers::parse_resource_name(resource);
    const auto asked_application = asked ? asked->application : std::string();
    const auto asked_environment = asked ? asked->environment : std::string();
    for (const auto& use : TRY(controllers::users_of(reader_, resource))) {
      auto& asker = *out.Add();
      const auto user = use.user.substr(2);
      asker.set_user(user);
      asker.set_deployment(use.user.starts_with("d:"));
      if (asker.deployment()) {
        asker.set_label(
            fmt::format("{} in {}", user.substr(0, user.find('.')), user.substr(user.find('.') + 1)));
        asker.set_asks_as(fmt::format("workloads.{}", use.alias));
        continue;
      }
      const auto parts = controllers::parse_resource_name(user);
      if (!parts) continue;
      if (parts->type == "workload") {
        asker.set_label(fmt::format(
            "{}/{}{}", parts->application, parts->id,
            where(parts->application, parts->environment, {parts->application, asked_environment})));
        asker.set_asks_as(TRY(asks_as(parts->application, parts->id, use.alias)));
      } else {
        asker.set_label(fmt::format(
            "{} {}{}", parts->type, parts->id,
            where(parts->application, parts->environment, {asked_application, asked_environment})));
        asker.set_asks_as(fmt::format("requires.{}", use.alias));
      }
      TRY(askers(user, *asker.mutable_because(), depth + 1));
    }
    open_.erase(resource);
    return {};
  }

 private:
  // " of shop in dev": what is not said by what is asked for already. What several share has none.
  static std::string where(const std::string& application, const std::string& environment,
                           const std::pair<std::string, std::string>& asked) {
    const auto says = [](const std::string& one, const std::string& known) {
      return !one.empty() && one != known;
    };
    std::string text;
    if (says(application, asked.first)) text += " of " + application;
    if (says(environment, asked.second)) text += " in " + environment;
    return text;
  }

  // As it stands in the application's file.
  Result<std::string> asks_as(const std::string& application, const std::string& workload,
                              const std::string& alias) {
    const auto app = TRY(objects::get<v1::Application>(reader_, application));
    if (!app || !app->spec().workloads().contains(workload)) return fmt::format("resources.{}", alias);
    const auto& resources = app->spec().workloads().at(workload).score().resources();
    const auto found = resources.find(alias);
    if (found == resources.end()) return fmt::format("requires.{}", alias);
    if (found->second.id().empty()) return fmt::format("resources.{}", alias);
    return fmt::format("resources.{}, id {}", alias, found->second.id());
  }

  const Reader& reader_;
  std::set<std::string> open_;
};

std::string unneeded_text(const v1::Resource& resource) {
  if (resource.spec().deleted()) return "nobody asks for it: its agent is deleting it";
  if (!resource.status().has_unused_since()) return "nobody asks for it";
  const auto since = from_timestamp(resource.status().unused_since());
  const auto due = since + Millis(resource.spec().when_unused().after_ms());
  switch (model::after_grace(resource.spec())) {
    case model::AfterGrace::kDelete:
      break;
    case model::AfterGrace::kKeep:
      return fmt::format("nobody asks for it since {}; it keeps data, and stays until somebody deletes it",
                         format_time(since));
    case model::AfterGrace::kRetain:
      return fmt::format("nobody asks for it since {}; it is retained until somebody deletes it by name",
                         format_time(since));
  }
  return fmt::format("nobody asks for it since {}; it is deleted at {}", format_time(since),
                     format_time(due));
}

}  // namespace

Result<v1::Why> why(const Context& context, std::string_view resource) {
  const auto reader = TRY(context.store.snapshot());
  const auto name = TRY(full_name(*reader, resource));
  const auto found = *TRY(objects::get<v1::Resource>(*reader, name));
  const auto& spec = found.spec();
  v1::Why why;
  why.set_resource(name);
  why.set_type(spec.type());
  why.set_id(spec.id());
  why.set_region(spec.region());
  why.set_environment(spec.environment());
  why.set_profile(spec.profile());
  TRY(Inquiry(*reader).askers(name, *why.mutable_askers(), 0));
  if (why.askers().empty()) why.set_message(unneeded_text(found));
  if (const auto profile = TRY(controllers::profile_at(*reader, spec.profile(), spec.profile_generation()))) {
    std::optional<v1::Environment> environment;
    if (!spec.environment().empty())
      environment = TRY(objects::get<v1::Environment>(*reader, spec.environment()));
    why.set_profile_reason(controllers::how_chosen(*profile, environment ? &*environment : nullptr));
  } else if (spec.has_secret()) {
    why.set_profile_reason(fmt::format("needs no profile: hands out version {} of Secret {}",
                                       spec.secret().version(), spec.secret().name()));
  }
  return why;
}

}  // namespace qleet::hub::frontend
