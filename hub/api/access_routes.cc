#include <fmt/format.h>

#include <array>
#include <ctime>

#include "common/log/log.h"
#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/problem.h"
#include "hub/api/routes.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

constexpr log::Logger kLog{"api"};

Result<Response> create_token(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  v1::TokenRequest request;
  TRY(read_message(call.request, request));
  const std::string& name = call.at("account");
  if (!request.service_account().empty() && request.service_account() != name)
    return fail(Code::kInvalid, fmt::format("serviceAccount is \"{}\", but the address says \"{}\"",
                                            request.service_account(), name));
  request.set_service_account(name);
  return answer(call.request, TRY(frontend::create_service_account_token(h.context(), caller(call), request)),
                201);
}

Result<Response> revoke_token(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  TRY(frontend::revoke_token(h.context(), caller(call), call.at("account"), call.at("token")));
  return Response{.status = 204};
}

Result<Response> create_join_token(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  v1::JoinTokenRequest request;
  TRY(read_message(call.request, request));
  auto result = TRY(frontend::create_join_token(h.context(), caller(call), request));
  result.set_ca_fingerprint(h.hub.ca_fingerprint);
  return answer(call.request, result, 201);
}

Result<Enroller*> enroller(const Handlers& h) {
  if (h.hub.enroller == nullptr) return fail(Code::kUnsupported, "this hub takes no agents");
  return h.hub.enroller;
}

Result<Response> enrol(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  Enroller* gate = TRY(enroller(h));
  v1::EnrolRequest request;
  TRY(read_message(call.request, request));
  TRY(gate->examine(request));
  const auto agent = TRY(frontend::redeem_join_token(h.context(), request));
  auto result = TRY(gate->admit(agent, request.tls_request()));
  if (!result.nats_client_certificate().empty()) TRY(frontend::note_certificate(h.context(), agent));
  if (!result.has_agent()) *result.mutable_agent() = agent;
  if (result.epoch().empty()) result.set_epoch(h.hub.store.identity().epoch);
  kLog.info("agent enrolled", {{"agent", agent.metadata().name()}, {"region", agent.spec().region()}});
  return answer(call.request, result, 201);
}

// As RFC 9110 writes it.
std::string http_date(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  const std::time_t when = seconds;
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

// For whoever holds the agent's key, and nobody else: no token.
Result<Response> certify(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  Enroller* gate = TRY(enroller(h));
  v1::CertificateRequest request;
  TRY(read_message(call.request, request));
  if (!request.agent().empty() && request.agent() != call.at("agent"))
    return fail(Code::kInvalid, fmt::format("agent is \"{}\", but the address says \"{}\"", request.agent(),
                                            call.at("agent")));
  request.set_agent(call.at("agent"));
  const auto agent = frontend::asker_of_certificate(h.context(), request);
  if (!agent) {
    Response refused = problem(agent.error());
    refused.headers.emplace_back("Date", http_date(h.hub.clock.wall()));
    return refused;
  }
  const auto result = TRY(gate->certify(*agent, request.tls_request()));
  TRY(frontend::note_certificate(h.context(), *agent));
  kLog.info("agent was given a certificate", {{"agent", request.agent()}});
  return answer(call.request, result, 201);
}

Result<Response> revoke_agent(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {}));
  Enroller* gate = TRY(enroller(h));
  const std::string& name = call.at("agent");
  TRY(frontend::revoke_agent(h.context(), caller(call), name));
  const auto agent = TRY(objects::get<v1::Agent>(*TRY(h.hub.store.snapshot()), name));
  if (agent) TRY(gate->expel(*agent));
  return Response{.status = 204};
}

}  // namespace

void add_access_routes(Router& router, const Handlers& handlers) {
  using Function = Result<Response> (*)(const Handlers&, const Call&);
  const auto add = [&](std::string_view method, std::string_view pattern, Access access, Function function) {
    router.add({std::string(method), std::string(pattern), std::move(access),
                [&handlers, function](const Call& call) { return function(handlers, call); }});
  };
  add("POST", "/v1/serviceaccounts/{account}/tokens", Access::rule(access::kToken, "serviceaccounts"),
      create_token);
  add("DELETE", "/v1/serviceaccounts/{account}/tokens/{token}",
      Access::rule(access::kToken, "serviceaccounts"), revoke_token);
  add("POST", "/v1/agents/join-tokens", Access::rule(access::kEnrol, "agents"), create_join_token);
  add("POST", "/v1/agents/{agent}/revoke", Access::rule(access::kRevoke, "agents"), revoke_agent);
  add("POST", "/v1/agents/{agent}/certificate", Access::open(), certify);
  add("POST", "/v1/enrol", Access::open(), enrol);
}

}  // namespace qleet::hub::api
