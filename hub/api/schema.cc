#include "hub/api/schema.h"

#include "common/model/openapi.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::hub::api {
namespace {

using model::ApiOperation;
using model::ApiParameter;

std::vector<ApiParameter> with_log_parameters(std::vector<ApiParameter> parameters) {
  for (const ApiParameter& parameter : std::vector<ApiParameter>{
           {"container", "string", "Only this one."},
           {"follow", "boolean", "Go on with new lines."},
           {"tail", "integer", "The last lines of each source; 0: all."},
           {"since", "string", "Nothing older: a duration, such as 10m, or a time (RFC 3339)."},
           {"previous", "boolean", "Of the runs before the present one."},
           {"timestamps", "boolean",
            "Put the time of each line in front of it (\"-\" where it is not known)."},
           {"prefix", "boolean",
            "Begin each line with its source, <environment>/<region>/<workload>-<replica>/<container>; "
            "default "
            "true."}})
    parameters.push_back(parameter);
  return parameters;
}

std::vector<ApiOperation> operations() {
  const ApiParameter dry_run{"dryRun", "boolean", "Say what would happen; write nothing."};
  return {
      {.method = "POST",
       .path = "/v1/apply",
       .id = "apply",
       .summary = "Create or update one or several objects, all or nothing.",
       .parameters = {dry_run},
       .objects = true,
       .response = v1::ApplyResult::descriptor()},
      {.method = "POST",
       .path = "/v1/plan",
       .id = "plan",
       .summary = "What applying objects, a build, a delete, an approval or a rollback would lead to. The "
                  "body is either "
                  "objects or a PlanRequest.",
       .request = v1::PlanRequest::descriptor(),
       .response = v1::PlanResult::descriptor()},
      {.method = "POST",
       .path = "/v1/builds",
       .id = "notifyBuild",
       .summary = "An image exists: deliver it where it is followed.",
       .parameters = {{"Idempotency-Key", "string", "The same key gives the same answer for a day.",
                       "header"}},
       .request = v1::BuildSpec::descriptor(),
       .response = v1::DeliveryAnswers::descriptor()},
      {.method = "POST",
       .path = "/v1/applications/{application}/approve",
       .id = "approve",
       .summary = "Let the release that waits into an environment.",
       .request = v1::ApproveRequest::descriptor(),
       .response = v1::DeliveryAnswers::descriptor()},
      {.method = "POST",
       .path = "/v1/applications/{application}/rollback",
       .id = "rollback",
       .summary = "A new release with the content of an old one.",
       .request = v1::RollbackRequest::descriptor(),
       .response = v1::DeliveryAnswers::descriptor()},
      {.method = "GET",
       .path = "/v1/applications/{application}/history",
       .id = "history",
       .summary = "The releases of an application, newest first.",
       .response = v1::History::descriptor()},
      {.method = "GET",
       .path = "/v1/applications/{application}/diff",
       .id = "diff",
       .summary = "What differs between two releases.",
       .parameters = {{"from", "integer", "Left out: the release before `to`."},
                      {"to", "integer", "Left out: the newest release."}},
       .response = v1::DiffResult::descriptor()},
      {.method = "GET",
       .path = "/v1/applications/{application}/tree",
       .id = "tree",
       .summary = "An application and what it stands on, per environment and region.",
       .parameters = {{"environment", "string", "Only this one."}},
       .response = v1::Tree::descriptor()},
      {.method = "GET",
       .path = "/v1/applications/{application}/logs",
       .id = "logs",
       .summary =
           "Log lines of an application's workloads, as they come. Lines that begin with \"-- \" are the "
           "hub's.",
       .parameters = with_log_parameters(
           {{"environment", "string", "Only this one; default all."},
            {"region", "string", "Only this one."},
            {"workload", "string", "Only this one."},
            {"resource", "string", "Instead of workloads: what they stand on, as <type>/<id>."}}),
       .response_type = "text/plain"},
      {.method = "GET",
       .path = "/v1/resources/{resource}/logs",
       .id = "resourceLogs",
       .summary = "Log lines of one resource, by its full name, as they come.",
       .parameters = with_log_parameters({}),
       .response_type = "text/plain"},
      {.method = "GET",
       .path = "/v1/describe/{kind}/{name}",
       .id = "describe",
       .summary = "What an object is, or what it waits for, down to the last cause. The kind is a plural.",
       .response = v1::Description::descriptor()},
      {.method = "GET",
       .path = "/v1/why/{resource}",
       .id = "why",
       .summary = "Who needs a resource. By full name, or type/id.",
       .response = v1::Why::descriptor()},
      {.method = "POST",
       .path = "/v1/serviceaccounts/{account}/tokens",
       .id = "createToken",
       .summary = "A new token; shown once.",
       .request = v1::TokenRequest::descriptor(),
       .response = v1::TokenResult::descriptor(),
       .status = 201},
      {.method = "DELETE",
       .path = "/v1/serviceaccounts/{account}/tokens/{token}",
       .id = "revokeToken",
       .summary = "Revoke a token by its id.",
       .response_type = "",
       .status = 204},
      {.method = "POST",
       .path = "/v1/agents/join-tokens",
       .id = "createJoinToken",
       .summary = "A token with which one agent can enrol; shown once.",
       .request = v1::JoinTokenRequest::descriptor(),
       .response = v1::JoinTokenResult::descriptor(),
       .status = 201},
      {.method = "POST",
       .path = "/v1/agents/{agent}/revoke",
       .id = "revokeAgent",
       .summary = "Cut an agent off at once; what it runs goes on running.",
       .response_type = "",
       .status = 204},
      {.method = "POST",
       .path = "/v1/agents/{agent}/certificate",
       .id = "certifyAgent",
       .summary = "An agent's next certificate; the body is signed by its key.",
       .request = v1::CertificateRequest::descriptor(),
       .response = v1::CertificateResult::descriptor(),
       .status = 201,
       .open = true},
      {.method = "POST",
       .path = "/v1/enrol",
       .id = "enrol",
       .summary = "An agent's first contact.",
       .request = v1::EnrolRequest::descriptor(),
       .response = v1::EnrolResult::descriptor(),
       .status = 201,
       .open = true},
      {.method = "GET",
       .path = "/v1/version",
       .id = "version",
       .summary = "The hub's version and the epoch of its store."},
      {.method = "GET", .path = "/openapi.json", .id = "openapi", .summary = "This document."},
      {.method = "GET",
       .path = "/metrics",
       .id = "metrics",
       .summary = "Figures for Prometheus.",
       .response_type = "text/plain"},
      {.method = "GET",
       .path = "/healthz",
       .id = "health",
       .summary = "The process answers.",
       .response_type = "text/plain",
       .open = true},
      {.method = "GET",
       .path = "/readyz",
       .id = "ready",
       .summary = "What the hub stands on is well (200), or not (503).",
       .response_type = "text/plain",
       .open = true},
  };
}

}  // namespace

std::string openapi_document() {
  return model::openapi(
      {.title = "QleetOS hub",
       .version = QLEET_VERSION,
       .description = "Errors are problem details (RFC 9457). docs/reference/api.md says more."},
      operations());
}

}  // namespace qleet::hub::api
