#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/model/tree.h"
#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/routes.h"

namespace qleet::hub::api {
namespace {

Result<std::vector<model::Object>> read_changes(const Request& request) {
  auto objects = TRY(read_objects(request));
  for (const auto& object : objects) TRY(refuse_misleading(*object));
  return objects;
}

Result<Response> apply(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"dryRun"}));
  const auto objects = TRY(read_changes(call.request));
  for (const auto& object : objects) {
    const auto& kind = model::kind_of(*object);
    TRY(call.subject.require("create", kind.plural));
    TRY(call.subject.require("update", kind.plural));
    TRY(require_reach(h, call.subject, *object));
  }
  const frontend::ApplyOptions options{.dry_run = TRY(flag(call.request, "dryRun"))};
  return answer(call.request, TRY(frontend::apply(h.context(), caller(call), objects, options)));
}

Result<frontend::Operation> planned_operation(const Handlers& h, const Call& call,
                                              const v1::PlanRequest& request) {
  const auto who = caller(call);
  if (request.has_build() + request.has_erase() + request.has_approve() + request.has_rollback() != 1)
    return fail(Code::kInvalid,
                "what to plan: send objects, or exactly one of {\"build\": ...}, {\"delete\": {\"kind\", "
                "\"name\"}}, {\"approve\": ...}, {\"rollback\": ...}");
  if (request.has_erase()) {
    const model::Kind* kind = model::find_kind(request.erase().kind());
    if (kind == nullptr)
      return fail(Code::kInvalid, fmt::format("delete.kind: \"{}\" is no kind", request.erase().kind()));
    TRY(call.subject.require(access::kPlan, kind->plural));
    TRY(require_standing(h, call.subject, *kind, request.erase().name()));
    return frontend::plan_erase(who, *kind, request.erase().name(),
                                {.delete_data = request.erase().delete_data()});
  }
  TRY(call.subject.require(access::kPlan, request.has_build() ? "builds" : "applications"));
  if (request.has_build()) return frontend::plan_build(who, request.build());
  TRY(call.subject.require_application(request.has_approve() ? request.approve().application()
                                                             : request.rollback().application()));
  if (request.has_approve()) return frontend::plan_approve(who, request.approve());
  return frontend::plan_rollback(who, request.rollback());
}

// Told by its form: one object without any field that objects begin with.
bool is_operation(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return true;
  const auto documents = model::read_documents(body, {});
  if (!documents || documents->size() != 1) return false;
  const auto& only = documents->front();
  constexpr std::array<std::string_view, 6> kOfObjects = {"apiVersion", "kind",       "metadata",
                                                          "spec",       "containers", "items"};
  return only.type == model::TextNode::Type::kMap &&
         std::ranges::none_of(kOfObjects, [&](auto key) { return only.find(key) != nullptr; });
}

Result<Response> plan(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  if (is_operation(call.request.body)) {
    v1::PlanRequest request;
    TRY(read_message(call.request, request));
    const auto operation = TRY(planned_operation(h, call, request));
    return answer(call.request, TRY(frontend::plan(h.context(), operation, call.subject.applications)));
  }
  const auto objects = TRY(read_changes(call.request));
  for (const auto& object : objects) {
    TRY(call.subject.require(access::kPlan, model::kind_of(*object).plural));
    TRY(require_reach(h, call.subject, *object));
  }
  return answer(call.request, TRY(frontend::plan(h.context(), frontend::plan_apply(caller(call), objects, {}),
                                                 call.subject.applications)));
}

}  // namespace

void add_change_routes(Router& router, const Handlers& handlers) {
  router.add({"POST", "/v1/apply", Access::authenticated(),
              [&handlers](const Call& call) { return apply(handlers, call); }});
  router.add({"POST", "/v1/plan", Access::authenticated(),
              [&handlers](const Call& call) { return plan(handlers, call); }});
}

}  // namespace qleet::hub::api
