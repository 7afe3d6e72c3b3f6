#include <fmt/format.h>

#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/json_writer.h"
#include "hub/api/routes.h"
#include "hub/api/schema.h"

namespace qleet::hub::api {
namespace {

Response plain(std::string text, int status = 200) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Response readyz(const ApiDependencies& hub) {
  std::string text;
  bool ready = true;
  for (const ReadinessCheck& check : hub.readiness) {
    const auto problem = check.problem();
    ready = ready && !problem;
    text += fmt::format("{}: {}\n", check.name, problem ? *problem : "ok");
  }
  return plain((ready ? "ready\n" : "not ready\n") + text, ready ? 200 : 503);
}

Response version(const ApiDependencies& hub) {
  JsonWriter json;
  json.begin_object().key("version").string(QLEET_VERSION).key("apiVersion").string(model::kApiVersion);
  json.key("epoch").string(hub.store.identity().epoch).end_object();
  return answer_json(json.take());
}

}  // namespace

void add_system_routes(Router& router, const Handlers& handlers, const Metrics& metrics) {
  router.add({"GET", "/healthz", Access::open(), [](const Call&) { return plain("ok\n"); }});
  router.add({"GET", "/readyz", Access::open(), [&handlers](const Call&) { return readyz(handlers.hub); }});
  router.add({"GET", "/v1/version", Access::authenticated(),
              [&handlers](const Call&) { return version(handlers.hub); }});
  // Nothing in it is of this hub, and generators of clients hold no token.
  router.add({"GET", "/openapi.json", Access::open(),
              [document = openapi_document()](const Call&) { return answer_json(document); }});
  router.add({"GET", "/metrics", Access::rule("get", access::kMetrics), [&metrics](const Call&) {
                Response response = plain(metrics.text());
                response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                return response;
              }});
}

}  // namespace qleet::hub::api
