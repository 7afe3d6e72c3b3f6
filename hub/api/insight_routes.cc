#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hub/access/reach.h"
#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/fresh_store.h"
#include "hub/api/routes.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

constexpr std::string_view kWorkload = "workload";
constexpr unsigned kMostTail = 100'000;

Result<Response> history(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  return answer(call.request, TRY(frontend::history(h.context(), call.at("application"))));
}

// Left out: `to` is the newest release, `from` the one before `to`.
Result<Response> diff(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"from", "to"}));
  const std::string& application = call.at("application");
  auto from = TRY(number(call.request, "from", UINT32_MAX)).value_or(0);
  auto to = TRY(number(call.request, "to", UINT32_MAX)).value_or(0);
  if (from == 0 || to == 0) {
    const auto releases = TRY(frontend::history(h.context(), application));
    for (const auto& entry : releases.entries()) {
      if (to == 0) to = entry.release();
      if (from == 0 && entry.release() < to) from = entry.release();
    }
    if (from == 0 || to == 0)
      return fail(Code::kNotFound,
                  fmt::format("Application \"{}\" has no two releases to compare", application));
  }
  return answer(call.request, TRY(frontend::diff(h.context(), application, static_cast<std::uint32_t>(from),
                                                 static_cast<std::uint32_t>(to))));
}

Result<Response> tree(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"environment"}));
  FreshStore fresh(h.hub.store, h.hub.freshness);
  v1::Tree tree = TRY(frontend::tree({fresh, h.hub.clock}, call.at("application")));
  if (!call.subject.applications.empty()) access::narrow(tree, call.subject.applications);
  if (const auto environment = call.request.parameter("environment"); !environment.empty()) {
    v1::Tree wanted = tree;
    wanted.clear_places();
    wanted.clear_environments();
    for (const auto& one : tree.environments())
      if (one.environment() == environment) *wanted.add_environments() = one;
    for (const auto& place : tree.places())
      if (place.environment() == environment) *wanted.add_places() = place;
    if (wanted.places().empty())
      return fail(Code::kNotFound, fmt::format("Application \"{}\" is not in environment \"{}\"",
                                               call.at("application"), environment));
    tree = std::move(wanted);
  }
  return answer(call.request, tree);
}

Result<Response> describe(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {}));
  if (!call.subject.applications.empty()) {
    // Environments and the like tell of everybody's applications.
    if (!access::reaches("describe", kind.plural)) TRY(call.subject.require("describe", kind.plural));
    TRY(call.subject.require_name(kind.plural, call.at("name")));
    const auto object = TRY(objects::get(*TRY(h.hub.store.snapshot()), kind, call.at("name")));
    if (object) TRY(call.subject.require_object(*object));
  }
  FreshStore fresh(h.hub.store, h.hub.freshness);
  return answer(call.request, TRY(frontend::describe({fresh, h.hub.clock}, kind, call.at("name"))));
}

Result<Response> why(const Handlers& h, const Call& call, const std::string& resource) {
  TRY(only_parameters(call.request, {}));
  FreshStore fresh(h.hub.store, h.hub.freshness);
  const auto found = TRY(frontend::why({fresh, h.hub.clock}, resource));
  TRY(call.subject.require_name("resources", found.resource()));
  return answer(call.request, found);
}

// The one that was asked for, or the only one there is.
Result<v1::Deployment> find_deployment(const Reader& reader, const std::string& application,
                                       std::string_view environment) {
  if (!environment.empty()) {
    auto found = TRY(objects::get<v1::Deployment>(reader, fmt::format("{}.{}", application, environment)));
    if (!found)
      return fail(Code::kNotFound,
                  fmt::format("Application \"{}\" is not in environment \"{}\"", application, environment));
    return *std::move(found);
  }
  const std::string prefix = application + ".";
  auto all = TRY(objects::list_readable<v1::Deployment>(reader, {.name_prefix = prefix}));
  if (all.empty())
    return fail(Code::kNotFound, fmt::format("Application \"{}\" runs in no environment", application));
  if (all.size() > 1) {
    std::vector<std::string> names;
    for (const auto& one : all) names.push_back(one.spec().environment());
    return fail(Code::kInvalid,
                fmt::format("query parameter environment: say which one of {}", fmt::join(names, ", ")));
  }
  return std::move(all.front());
}

// What of the application's is to be read: its workloads, one of them, or something that it stands on.
struct Wanted {
  std::string type{kWorkload};
  std::string id;  // empty: all
};

Result<Wanted> wanted_of(const Call& call) {
  const std::string resource(call.request.parameter("resource"));
  if (resource.empty()) return Wanted{.id = std::string(call.request.parameter(kWorkload))};
  const auto slash = resource.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == resource.size())
    return fail(
        Code::kInvalid,
        fmt::format("query parameter resource: \"{}\" is not <type>/<id>, for example postgres/web.db",
                    resource));
  if (!call.request.parameter(kWorkload).empty())
    return fail(Code::kInvalid, "query parameter resource: stands in place of workload, not beside it");
  return Wanted{resource.substr(0, slash), resource.substr(slash + 1)};
}

Result<std::vector<std::string>> resources_with_logs(const Reader& reader, const Call& call) {
  const std::string& application = call.at("application");
  const auto wanted = TRY(wanted_of(call));
  const auto deployment = TRY(find_deployment(reader, application, call.request.parameter("environment")));
  const auto region = call.request.parameter("region");
  std::vector<std::string> found;
  std::vector<std::string> ids;
  for (const auto& place : deployment.status().regions()) {
    if (!region.empty() && place.region() != region) continue;
    const std::string prefix = fmt::format("{}.{}.{}.{}.", place.region(), deployment.spec().environment(),
                                           application, wanted.type);
    for (const auto& resource : TRY(objects::list_readable<v1::Resource>(reader, {.name_prefix = prefix}))) {
      if (resource.spec().deleted()) continue;
      ids.push_back(resource.spec().id());
      if (wanted.id.empty() || resource.spec().id() == wanted.id) found.push_back(resource.metadata().name());
    }
  }
  if (!found.empty()) return found;
  if (!wanted.id.empty() && !ids.empty())
    return fail(Code::kNotFound, fmt::format("Application \"{}\" has no {} \"{}\" there; it has: {}",
                                             application, wanted.type, wanted.id, fmt::join(ids, ", ")));
  return fail(Code::kNotFound, fmt::format("Application \"{}\" has no running {} in environment \"{}\"{}",
                                           application, wanted.type, deployment.spec().environment(),
                                           region.empty() ? "" : fmt::format(", region \"{}\"", region)));
}

Result<Response> logs(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"environment", "region", "workload", "resource", "container", "follow",
                                     "tail", "prefix"}));
  if (h.hub.logs == nullptr) return fail(Code::kUnsupported, "this hub does not serve logs");
  LogQuery query;
  query.container = call.request.parameter("container");
  query.follow = TRY(flag(call.request, "follow"));
  query.tail = static_cast<unsigned>(TRY(number(call.request, "tail", kMostTail)).value_or(0));
  const bool bare = call.request.query.contains("prefix") && !TRY(flag(call.request, "prefix"));
  query.resources = TRY(resources_with_logs(*TRY(h.hub.store.snapshot()), call));
  const auto sink = std::make_shared<LogSink>(!bare);
  TRY(h.hub.logs->open(query, sink));
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.stream = sink;
  return response;
}

}  // namespace

void add_insight_routes(Router& router, const Handlers& handlers) {
  using Function = Result<Response> (*)(const Handlers&, const Call&);
  const auto add = [&](std::string_view rest, std::string_view verb, Function function) {
    router.add({"GET", fmt::format("/v1/applications/{{application}}/{}", rest),
                Access::rule(verb, "applications"),
                [&handlers, function](const Call& call) { return function(handlers, call); }});
  };
  add("history", "get", history);
  add("diff", "get", diff);
  add("tree", "get", tree);
  add("logs", access::kLogs, logs);
  for (const model::Kind& kind : model::kinds())
    router.add({"GET", fmt::format("/v1/describe/{}/{{name}}", kind.plural), Access::rule("get", kind.plural),
                [&handlers, &kind](const Call& call) { return describe(handlers, kind, call); }});
  router.add({"GET", "/v1/why/{resource}", Access::rule("get", "resources"),
              [&handlers](const Call& call) { return why(handlers, call, call.at("resource")); }});
  router.add({"GET", "/v1/why/{type}/{id}", Access::rule("get", "resources"), [&handlers](const Call& call) {
                return why(handlers, call, call.at("type") + "/" + call.at("id"));
              }});
}

}  // namespace qleet::hub::api
