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
  TRY(only_parameters(call.request, {"environment"}));
  if (!call.subject.applications.empty()) {
    // Environments and the like tell of everybody's applications.
    if (!access::reaches("describe", kind.plural)) TRY(call.subject.require("describe", kind.plural));
    TRY(call.subject.require_name(kind.plural, call.at("name")));
    const auto object = TRY(objects::get(*TRY(h.hub.store.snapshot()), kind, call.at("name")));
    if (object) TRY(call.subject.require_object(*object));
  }
  FreshStore fresh(h.hub.store, h.hub.freshness);
  return answer(call.request, TRY(frontend::describe({fresh, h.hub.clock}, kind, call.at("name"),
                                                     call.request.parameter("environment"))));
}

Result<Response> why(const Handlers& h, const Call& call, const std::string& resource) {
  TRY(only_parameters(call.request, {}));
  FreshStore fresh(h.hub.store, h.hub.freshness);
  const auto found = TRY(frontend::why({fresh, h.hub.clock}, resource));
  TRY(call.subject.require_name("resources", found.resource()));
  return answer(call.request, found);
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
