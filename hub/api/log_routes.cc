// Logs of an application, or of one resource.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/clock/duration.h"
#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/routes.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

constexpr std::string_view kWorkload = "workload";
constexpr unsigned kMostTail = 100'000;

// The one that was asked for, or all.
Result<std::vector<v1::Deployment>> deployments_of(const Reader& reader, const std::string& application,
                                                   std::string_view environment) {
  if (!environment.empty()) {
    auto found = TRY(objects::get<v1::Deployment>(reader, fmt::format("{}.{}", application, environment)));
    if (!found)
      return fail(Code::kNotFound,
                  fmt::format("Application \"{}\" is not in environment \"{}\"", application, environment));
    return std::vector{*std::move(found)};
  }
  const std::string prefix = application + ".";
  auto all = TRY(objects::list_readable<v1::Deployment>(reader, {.name_prefix = prefix}));
  if (!all.empty()) return all;
  if (!TRY(objects::get<v1::Application>(reader, application)))
    return fail(Code::kNotFound, fmt::format("Application \"{}\" does not exist", application));
  return fail(Code::kNotFound, fmt::format("Application \"{}\" runs in no environment", application));
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

LogQuery::Of named(const v1::Resource& resource) {
  const auto& spec = resource.spec();
  const bool workload = spec.type() == kWorkload;
  return {.resource = resource.metadata().name(),
          .name = fmt::format("{}/{}/{}", spec.environment().empty() ? "-" : spec.environment(),
                              spec.region(), workload ? spec.id() : spec.type() + "/" + spec.id()),
          .parts = workload};
}

Result<std::vector<LogQuery::Of>> resources_with_logs(const Reader& reader, const Call& call) {
  const std::string& application = call.at("application");
  const auto wanted = TRY(wanted_of(call));
  const auto deployments = TRY(deployments_of(reader, application, call.request.parameter("environment")));
  const auto region = call.request.parameter("region");
  std::vector<LogQuery::Of> found;
  std::vector<std::string> ids;
  for (const auto& deployment : deployments) {
    for (const auto& place : deployment.status().regions()) {
      if (!region.empty() && place.region() != region) continue;
      const std::string prefix = fmt::format("{}.{}.{}.{}.", place.region(), deployment.spec().environment(),
                                             application, wanted.type);
      for (const auto& resource :
           TRY(objects::list_readable<v1::Resource>(reader, {.name_prefix = prefix}))) {
        if (resource.spec().deleted()) continue;
        if (std::ranges::find(ids, resource.spec().id()) == ids.end()) ids.push_back(resource.spec().id());
        if (wanted.id.empty() || resource.spec().id() == wanted.id) found.push_back(named(resource));
      }
    }
  }
  if (!found.empty()) return found;
  if (!wanted.id.empty() && !ids.empty())
    return fail(Code::kNotFound, fmt::format("Application \"{}\" has no {} \"{}\" there; it has: {}",
                                             application, wanted.type, wanted.id, fmt::join(ids, ", ")));
  const auto environment = call.request.parameter("environment");
  return fail(Code::kNotFound,
              fmt::format("Application \"{}\" has no running {}{}{}", application, wanted.type,
                          environment.empty() ? "" : fmt::format(" in environment \"{}\"", environment),
                          region.empty() ? "" : fmt::format(", region \"{}\"", region)));
}

Result<std::vector<LogQuery::Of>> one_resource(const Reader& reader, const std::string& name) {
  const auto resource = TRY(objects::get<v1::Resource>(reader, name));
  if (!resource || resource->spec().deleted())
    return fail(Code::kNotFound, fmt::format("Resource \"{}\" does not exist", name));
  return std::vector{named(*resource)};
}

// "5m", or a time.
Result<std::optional<WallTime>> since_of(const Request& request, WallTime now) {
  const auto text = request.parameter("since");
  if (text.empty()) return std::nullopt;
  if (const auto time = parse_time(text)) return time;
  const auto duration = parse_duration(text);
  if (duration) return now - *duration;
  return fail(
      Code::kInvalid,
      fmt::format("query parameter since: \"{}\" is neither a duration, such as 10m, nor a time, such "
                  "as 2026-11-30T19:00:00Z",
                  text));
}

Result<Response> answer_logs(const Handlers& h, const Call& call,
                             Result<std::vector<LogQuery::Of>> (*resources)(const Reader&, const Call&)) {
  if (h.hub.logs == nullptr) return fail(Code::kUnsupported, "this hub does not serve logs");
  LogQuery query;
  query.container = call.request.parameter("container");
  query.wish.follow = TRY(flag(call.request, "follow"));
  query.wish.previous = TRY(flag(call.request, "previous"));
  query.wish.tail = static_cast<unsigned>(TRY(number(call.request, "tail", kMostTail)).value_or(0));
  query.wish.since = TRY(since_of(call.request, h.hub.clock.wall()));
  if (query.wish.follow && query.wish.previous)
    return fail(Code::kInvalid, "query parameter previous: what has ended cannot be followed");
  const bool bare = call.request.query.contains("prefix") && !TRY(flag(call.request, "prefix"));
  const bool times = TRY(flag(call.request, "timestamps"));
  query.resources = TRY(resources(*TRY(h.hub.store.snapshot()), call));
  const auto sink = std::make_shared<LogSink>(LogSinkOptions{.names = !bare, .times = times});
  TRY(h.hub.logs->open(query, sink));
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.stream = sink;
  return response;
}

Result<Response> application_logs(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"environment", "region", "workload", "resource", "container", "follow",
                                     "tail", "prefix", "since", "previous", "timestamps"}));
  return answer_logs(h, call, resources_with_logs);
}

Result<Response> resource_logs(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request,
                      {"container", "follow", "tail", "prefix", "since", "previous", "timestamps"}));
  TRY(call.subject.require_name("resources", call.at("resource")));
  return answer_logs(
      h, call, [](const Reader& reader, const Call& of) { return one_resource(reader, of.at("resource")); });
}

}  // namespace

void add_log_routes(Router& router, const Handlers& handlers) {
  router.add({"GET", "/v1/applications/{application}/logs", Access::rule(access::kLogs, "applications"),
              [&handlers](const Call& call) { return application_logs(handlers, call); }});
  // Of what several applications share, too: so it is the operator's.
  router.add({"GET", "/v1/resources/{resource}/logs", Access::rule(access::kLogs, "resources"),
              [&handlers](const Call& call) { return resource_logs(handlers, call); }});
}

}  // namespace qleet::hub::api
