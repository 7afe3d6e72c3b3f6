#include <fmt/format.h>

#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/problem.h"
#include "hub/api/routes.h"

namespace qleet::hub::api {
namespace {

constexpr size_t kLongestIdempotencyKey = 256;

Result<Response> notify_build(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"mustBeFollowed"}));
  const auto key = call.request.header("idempotency-key");
  if (key.size() > kLongestIdempotencyKey)
    return fail(Code::kInvalid,
                fmt::format("header Idempotency-Key: longer than {} characters", kLongestIdempotencyKey));
  v1::BuildSpec build;
  TRY(read_message(call.request, build));
  const frontend::NotifyOptions options{.idempotency_key = std::string(key),
                                        .must_be_followed = TRY(flag(call.request, "mustBeFollowed"))};
  const auto answers = frontend::notify_build(h.context(), caller(call), build, options);
  if (!answers) {
    const auto& error = answers.error();
    // A code of its own: what is wrong is not the build.
    if (error.reason == frontend::kKeyReused) return problem(422, error.reason, error.message);
    if (error.reason == frontend::kNotFollowed) return problem(404, error.reason, error.message);
    return std::unexpected(error);
  }
  return answer(call.request, *answers, answers->state() == frontend::kNotFollowed ? 202 : 200);
}

Result<Response> fate(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  return answer(call.request, TRY(frontend::fate_of_build(h.context(), caller(call), call.at("build"))));
}

// The application stands in the address; in the body it may be repeated, not contradicted.
template <class Message>
Result<Message> read_for_application(const Call& call) {
  Message message;
  TRY(read_message(call.request, message));
  const std::string& name = call.at("application");
  if (!message.application().empty() && message.application() != name)
    return fail(Code::kInvalid, fmt::format("application is \"{}\", but the address says \"{}\"",
                                            message.application(), name));
  message.set_application(name);
  return message;
}

Result<Response> approve(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  const auto request = TRY(read_for_application<v1::ApproveRequest>(call));
  return answer(call.request, TRY(frontend::approve(h.context(), caller(call), request)));
}

Result<Response> rollback(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  const auto request = TRY(read_for_application<v1::RollbackRequest>(call));
  return answer(call.request, TRY(frontend::rollback(h.context(), caller(call), request)));
}

}  // namespace

void add_delivery_routes(Router& router, const Handlers& handlers) {
  router.add({"POST", "/v1/builds", Access::rule(access::kNotify, "builds"),
              [&handlers](const Call& call) { return notify_build(handlers, call); }});
  router.add({"GET", "/v1/builds/{build}/fate", Access::rule(access::kNotify, "builds"),
              [&handlers](const Call& call) { return fate(handlers, call); }});
  router.add({"POST", "/v1/applications/{application}/approve",
              Access::rule(access::kApprove, "applications"),
              [&handlers](const Call& call) { return approve(handlers, call); }});
  router.add({"POST", "/v1/applications/{application}/rollback",
              Access::rule(access::kRollback, "applications"),
              [&handlers](const Call& call) { return rollback(handlers, call); }});
}

}  // namespace qleet::hub::api
