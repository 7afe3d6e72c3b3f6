// The API's handlers, by what they are about. Each function adds its routes.
#pragma once

#include <memory>

#include "hub/api/dependencies.h"
#include "hub/api/metrics.h"
#include "hub/api/router.h"
#include "hub/api/show.h"
#include "hub/api/unreadable.h"
#include "hub/frontend/frontend.h"

namespace qleet::hub::api {

// What handlers share; outlives the router.
struct Handlers {
  const ApiDependencies& hub;
  Shower shower;
  std::unique_ptr<UnreadableObjects> unreadable = std::make_unique<UnreadableObjects>();

  explicit Handlers(const ApiDependencies& dependencies)
      : hub(dependencies), shower(dependencies.store, dependencies.clock, dependencies.freshness) {}
  frontend::Context context() const { return {hub.store, hub.clock}; }
};

inline frontend::Caller caller(const Call& call) { return {call.subject.name, call.subject.applications}; }

// That an object is within a subject's reach, as it is given and as it stands: neither may be others'.
Result<> require_reach(const Handlers& h, const Subject& subject, const google::protobuf::Message& object);
// The same of one that is named, which need not be there.
Result<> require_standing(const Handlers& h, const Subject& subject, const model::Kind& kind,
                          const std::string& name);

// GET, POST, PUT, DELETE of every kind; list and watch.
void add_object_routes(Router& router, const Handlers& handlers);
// apply and plan.
void add_change_routes(Router& router, const Handlers& handlers);
// Builds, approvals, rollbacks.
void add_delivery_routes(Router& router, const Handlers& handlers);
// history, diff, tree, describe, why.
void add_insight_routes(Router& router, const Handlers& handlers);
// Logs of applications and resources.
void add_log_routes(Router& router, const Handlers& handlers);
// Tokens of service accounts; join tokens, enrolment and revocation of agents.
void add_access_routes(Router& router, const Handlers& handlers);
// Whether everything is up; whose token it is.
void add_status_routes(Router& router, const Handlers& handlers);
// Health, readiness, version, metrics, the schema.
void add_system_routes(Router& router, const Handlers& handlers, const Metrics& metrics);

}  // namespace qleet::hub::api
