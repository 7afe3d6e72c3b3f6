#include <fmt/format.h>

#include <algorithm>

#include "common/crypto/token.h"
#include "hub/access/subjects.h"
#include "hub/api/content.h"
#include "hub/api/fresh_store.h"
#include "hub/api/routes.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/system.pb.h"

namespace qleet::hub::api {
namespace {

// They are renewed long before: a third of their time is left then.
constexpr double kEndsSoonDays = 7;

void add_checks(const ApiDependencies& hub, v1::SystemStatus& out) {
  for (const auto& check : hub.readiness) {
    auto& said = *out.add_checks();
    said.set_name(check.name);
    const auto problem = check.problem();
    if (!problem) continue;
    said.set_problem(*problem);
    auto& note = *out.add_problems();
    note.set_kind("Hub");
    note.set_name(check.name);
    note.set_state("NotReady");
    note.set_message(*problem);
  }
}

void add_certificates(const ApiDependencies& hub, v1::SystemStatus& out) {
  if (!hub.certificates) return;
  for (const auto& [name, days] : hub.certificates()) {
    if (days >= kEndsSoonDays) continue;
    auto& note = days > 0 ? *out.add_warnings() : *out.add_problems();
    note.set_kind("Certificate");
    note.set_name(name);
    note.set_message(days > 0 ? fmt::format("it ends in {:.1f} days and has not been renewed", days)
                              : std::string("it is not good now: it has ended, or the clock is wrong"));
    note.set_repair(
        "see the hub's log for why; of one that was given to the hub, put a newer file in its place");
  }
}

Result<Response> status(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  FreshStore fresh(h.hub.store, h.hub.freshness);
  auto out = TRY(frontend::system_status({fresh, h.hub.clock}));
  add_checks(h.hub, out);
  add_certificates(h.hub, out);
  out.set_well(out.problems().empty());
  return answer(call.request, out);
}

Result<Response> who_am_i(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  v1::WhoAmI out;
  out.set_subject(call.subject.name);
  for (const auto& role : call.subject.roles) out.add_roles(role);
  for (const auto& application : call.subject.applications) out.add_applications(application);
  out.set_version(QLEET_VERSION);
  out.set_epoch(h.hub.store.identity().epoch);
  constexpr std::string_view kAccount = "serviceaccount:";
  if (call.subject.name.starts_with(kAccount)) {
    const auto reader = TRY(h.hub.store.snapshot());
    const auto account =
        TRY(objects::get<v1::ServiceAccount>(*reader, call.subject.name.substr(kAccount.size())));
    if (account) {
      const auto authorization = call.request.header("authorization");
      const auto hash = crypto::sha256_hex(authorization.substr(authorization.rfind(' ') + 1));
      for (const auto& token : account->status().tokens()) {
        if (token.sha256() != hash) continue;
        out.set_token(token.id());
        if (token.has_expires()) *out.mutable_expires() = token.expires();
      }
    }
  }
  return answer(call.request, out);
}

}  // namespace

void add_status_routes(Router& router, const Handlers& handlers) {
  // It tells of everybody's applications, and of agents: no token for some applications reaches those.
  router.add({"GET", "/v1/status", Access::rule("list", "agents"),
              [&handlers](const Call& call) { return status(handlers, call); }});
  router.add({"GET", "/v1/whoami", Access::authenticated(),
              [&handlers](const Call& call) { return who_am_i(handlers, call); }});
}

}  // namespace qleet::hub::api
