// Dependencies that are no resources: the hub itself knows their outputs.
#include <fmt/format.h>

#include "common/model/checks.h"
#include "common/model/model.h"
#include "common/model/reasons.h"
#include "common/model/service_name.h"
#include "hub/controllers/resolution.h"

namespace qleet::hub::controllers::resolution {
namespace {

// A param that names something: a text, or a whole number.
std::string named(const Struct& params, const std::string& name) {
  const auto found = params.fields().find(name);
  return found == params.fields().end() ? std::string() : text_of(found->second);
}

// The workload of the same application that a resource asks for: without a name, the one that is called as
// the resource is.
std::string workload_asked_for(const std::string& alias, const Struct& params) {
  auto name = named(params, "workload");
  return name.empty() ? alias : name;
}

}  // namespace

std::string text_of(const Value& value) {
  if (value.has_number_value()) return fmt::format("{}", value.number_value());
  if (value.has_bool_value()) return value.bool_value() ? "true" : "false";
  return value.string_value();
}

// Workloads that are to answer under their names: those that somebody in this application asks for, and what
// is offered to others, whether it is asked for or not: so it does not roll when it is.
Result<> Resolver::find_served() {
  for (const auto& [name, workload] : definition_.workloads()) {
    if (!workload.offers().empty()) served_.insert(name);
    for (const auto& [alias, resource] : workload.score().resources()) {
      if (!asks_for_service(resource.type()) || !resource.id().empty()) continue;
      if (TRY(in_.profiles->of_type(resource.type())).empty())
        served_.insert(workload_asked_for(alias, resource.params()));
    }
  }
  return {};
}

// Nullopt: it is a resource, or a profile serves it.
Result<std::optional<Link>> Resolver::built_in(const Frame& frame, const std::string& alias,
                                               const Wanted& wanted) {
  if (frame.profile != nullptr) return std::nullopt;
  if (wanted.type == kWorkload) {
    return refuse(
        reasons::kNotAllowed,
        fmt::format(
            "\"{}\" of {}: type \"workload\" is what a Score document itself becomes; to reach another "
            "workload ask for type service: {{type: service, params: {{workload: <name>}}}}, or "
            "{{type: service, id: <id>}} for one of another application that offers that id",
            alias, frame.who),
        wanted.field + ".type");
  }
  if (!is_built_in(wanted.type) || !TRY(in_.profiles->of_type(wanted.type)).empty()) return std::nullopt;
  graph_.types.insert(wanted.type);
  if (!wanted.profile_class.empty())
    return refuse(reasons::kNoProfile,
                  fmt::format("type \"{}\" has no classes unless a profile satisfies it; leave out \"{}\"",
                              wanted.type, wanted.profile_class),
                  wanted.field + ".class");
  if (wanted.type == kEnvironmentType) return TRY(environment_values(alias, wanted));
  return TRY(service(frame, alias, wanted));
}

Result<Link> Resolver::service(const Frame& frame, const std::string& alias, const Wanted& wanted) {
  const auto what = fmt::format("{} \"{}\" of {}: ", wanted.type, alias, frame.who);
  const auto params = wanted.field + ".params";
  // What an endpoint says beside these describes a stand-in for a workload that is not there.
  for (const auto& key : keys_of(wanted.params)) {
    if (key == "workload" || key == "port" || wanted.type == kEndpointType) continue;
    const auto near = model::nearest(key, {"workload", "port"});
    return refuse(
        reasons::kInvalidParams,
        fmt::format("{}unknown parameter \"{}\"; {}", what, key,
                    near.empty() ? "there is: port, workload" : fmt::format("did you mean \"{}\"?", near)),
        fmt::format("{}.{}", params, key));
  }
  for (const auto* key : {"workload", "port"}) {
    if (named(wanted.params, key).find("${") == std::string::npos) continue;
    return refuse(
        reasons::kInvalidParams,
        fmt::format("{}\"{}\" must be known before anything runs, and draws on a resource", what, key),
        fmt::format("{}.{}", params, key));
  }
  Offered target;
  if (!wanted.id.empty()) {
    if (wanted.params.fields().contains("workload"))
      return refuse(reasons::kInvalidParams,
                    fmt::format("{}id \"{}\" says which workload it is; leave out the parameter \"workload\"",
                                what, wanted.id),
                    params + ".workload");
    auto offered = in_.offers == nullptr
                       ? std::nullopt
                       : TRY(in_.offers->find(in_.environment->metadata().name(), wanted.id));
    if (!offered)
      return refuse(
          reasons::kNotOffered,
          fmt::format(
              "{}no application of environment {} offers \"{}\"; a workload offers itself with offers: "
              "[{}]",
              what, in_.environment->metadata().name(), wanted.id, wanted.id),
          wanted.field + ".id");
    target = *std::move(offered);
  } else {
    target.application = std::string(in_.application);
    target.workload = workload_asked_for(alias, wanted.params);
    const auto found = definition_.workloads().find(target.workload);
    if (found == definition_.workloads().end()) {
      const auto known = model::sorted_keys(definition_.workloads());
      const auto near = model::nearest(target.workload, known);
      const bool given = wanted.params.fields().contains("workload");
      return refuse(reasons::kInvalidParams,
                    fmt::format("{}no workload \"{}\" in this application; {}; one of another application is "
                                "asked for by an id "
                                "that it offers",
                                what, target.workload,
                                near.empty() ? there_is(known) : fmt::format("did you mean \"{}\"?", near)),
                    given ? params + ".workload" : wanted.field);
    }
    target.service = found->second.score().service();
  }
  const auto port = choose_port(target.service, named(wanted.params, "port"));
  if (!port)
    return refuse(reasons::kInvalidParams,
                  fmt::format("{}workload \"{}\"{}: {}", what, target.workload,
                              wanted.id.empty() ? "" : fmt::format(" of application {}", target.application),
                              port.error().message),
                  wanted.params.fields().contains("port") ? params + ".port" : wanted.field);
  const auto hostname =
      model::service_hostname(target.workload, target.application, in_.environment->metadata().name());
  Link link;
  link.type = wanted.type;
  auto& values = link.values.emplace();
  values["name"] = text_value(hostname);  // published Score files take it for a host name
  values["hostname"] = text_value(hostname);
  values["port"].set_number_value(port->port);
  values["url"] = text_value(fmt::format("{}://{}:{}", port->scheme, hostname, port->port));
  return link;
}

// The environment's variables; params are what counts where it has none of that name.
Result<Link> Resolver::environment_values(const std::string& alias, const Wanted& wanted) {
  Link link;
  link.type = wanted.type;
  auto& values = link.values.emplace();
  const auto* said = values_of(*in_.environment, in_.application, root_);
  const Struct* over = nullptr;
  if (said != nullptr) {
    if (const auto found = said->params().find(alias); found != said->params().end()) over = &found->second;
  }
  for (const auto& [key, value] : wanted.params.fields()) {
    if (value.has_struct_value() || value.has_list_value() || value.has_null_value())
      return refuse(
          reasons::kInvalidParams,
          fmt::format("environment \"{}\" of workload {}: \"{}\" must be a text, a number or a truth value",
                      alias, root_, key),
          fmt::format("{}.params.{}", wanted.field, key));
    if (value.string_value().find("${") != std::string::npos)
      return refuse(
          reasons::kInvalidParams,
          fmt::format(
              "environment \"{}\" of workload {}: \"{}\" must be known before anything runs, and draws "
              "on a resource",
              alias, root_, key),
          fmt::format("{}.params.{}", wanted.field, key));
    values[key] = value;
  }
  for (const auto& [name, value] : in_.environment->spec().variables()) {
    if (over == nullptr || !over->fields().contains(name)) values[name] = text_value(value);
  }
  return link;
}

// What a profile that makes nothing says.
Result<Link> Resolver::outputs_of(const Ask& ask, const ProfilePtr& profile, const Struct& params) {
  const auto scope = scope_of(*profile);
  const auto identity = ask.wanted->id.empty() ? identity_of_own(scope, ask.asker, ask.alias).identity
                                               : identity_by_id(scope, ask.asker.home, ask.wanted->id);
  const bool by_workload = ask.score == nullptr && ask.asker.type.empty() && scope == kWorkload;
  const auto workload = by_workload ? user_of(ask) : std::string();
  const auto where = fmt::format("profile {}: ", profile->metadata().name());
  const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    const auto& head = path.front();
    if (head == "variables") return templates::escape(TRY(variable(identity.home, path, where)));
    if (head == "metadata")
      return templates::escape(TRY(resource_metadata(identity, ask.wanted->type, workload, path)));
    const auto found =
        head == "params" && path.size() == 2 ? params.fields().find(path[1]) : params.fields().end();
    if (found != params.fields().end()) return found->second;
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("{}{}: not known; there is: params, variables, metadata", where, written(path)),
                  "");
  };
  auto outputs = templates::expand(profile->spec().outputs(), lookup, true);
  if (!outputs) {
    if (refusal_) return std::unexpected(std::move(outputs).error());
    return refuse(reasons::kInvalidTemplate, fmt::format("{}outputs: {}", where, outputs.error().message),
                  "");
  }
  Link link{"", profile, std::map<std::string, Value>(), ask.wanted->type};
  for (const auto& [name, value] : outputs->fields()) {
    if (value.has_struct_value() || value.has_list_value() ||
        text_of(value).find("${resources.") != std::string::npos)
      return refuse(
          reasons::kInvalidTemplate,
          fmt::format("{}output {}: must be a text, a number or a truth value that is known before anything "
                      "runs",
                      where, name),
          ask.wanted->field.empty() ? "" : ask.wanted->field + ".params");
    (*link.values)[name] = value;
  }
  return link;
}

}  // namespace qleet::hub::controllers::resolution
