#include "tests/unit/api/frontend_double.h"

#include <fmt/format.h>

#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "hub/store/random.h"
#include "qleet/v1/region.pb.h"

namespace qleet::test {

FrontendDouble& frontend_double() {
  static FrontendDouble instance;
  return instance;
}

}  // namespace qleet::test

namespace qleet::hub::frontend {
namespace {

Result<> note(std::string_view name, const Caller& caller, std::string_view detail) {
  auto& state = test::frontend_double();
  state.calls.push_back(fmt::format("{} {} {}", name, caller.subject, detail));
  if (!state.refuse.message.empty()) return std::unexpected(state.refuse);
  return {};
}

Operation planned(std::string name, const Caller& caller, std::string detail) {
  return [=](const Context&) -> Result<v1::PlanResult> {
    TRY(note("plan " + name, caller, detail));
    v1::PlanResult result;
    result.set_text(name);
    return result;
  };
}

}  // namespace

Result<v1::ApplyResult> patch_secret(const Context&, const Caller& caller, std::string_view name,
                                     const v1::SecretPatch& patch, const PatchOptions& options) {
  TRY(note("patch", caller,
           fmt::format("{} {} set {} removed{}{}", name, patch.data_size(), patch.remove_size(),
                       options.dry_run ? " dry" : "", options.force ? " force" : "")));
  return v1::ApplyResult();
}

Result<v1::ApplyResult> apply(const Context& context, const Caller& caller,
                              const std::vector<model::Object>& objects, const ApplyOptions& options) {
  TRY(note("apply", caller, fmt::format("{} objects{}", objects.size(), options.dry_run ? " dry" : "")));
  v1::ApplyResult result;
  result.set_dry_run(options.dry_run);
  const Random random = system_random();
  const auto write = [&](Txn& txn) -> Result<> {
    for (const auto& object : objects) {
      const auto& kind = model::kind_of(*object);
      const auto current = TRY(txn.get(objects::key(kind, model::meta(*object).name())));
      if (current && options.expect == Expect::kCreate)
        return fail(Code::kExists, fmt::format("{} \"{}\" exists", kind.name, model::meta(*object).name()));
      if (current && options.if_match) TRY(objects::check_version(*current, *options.if_match));
      const model::Object copy(object->New());
      copy->CopyFrom(*object);
      TRY(objects::put_spec(txn, *copy, {context.clock.wall(), random}));
      result.add_objects()->set_name(model::meta(*object).name());
    }
    return {};
  };
  if (!options.dry_run) result.set_revision(TRY(context.store.transact(write)));
  return result;
}

Result<v1::EraseResult> erase(const Context& context, const Caller& caller, const model::Kind& kind,
                              std::string_view name, const EraseOptions& options) {
  TRY(note("erase", caller,
           fmt::format("{}/{}{}", kind.plural, name, options.dry_run ? " dry" : "") +
               (options.delete_data ? " with data" : "")));
  v1::EraseResult result;
  result.set_kind(std::string(kind.name));
  result.set_name(std::string(name));
  if (!options.dry_run)
    result.set_revision(TRY(context.store.transact([&](Txn& txn) -> Result<> {
      txn.erase(objects::key(kind, name));
      return {};
    })));
  return result;
}

Result<v1::DeliveryAnswers> notify_build(const Context&, const Caller& caller, const v1::BuildSpec& build,
                                         const NotifyOptions& options) {
  TRY(note("notify", caller,
           fmt::format("{} key={}{}{}", model::to_json(build), options.idempotency_key,
                       options.must_be_followed ? " followed" : "",
                       caller.applications.empty() ? "" : " for " + caller.applications.front())));
  return test::frontend_double().answers;
}

Result<v1::DeliveryAnswers> fate_of_build(const Context&, const Caller& caller, std::string_view build) {
  TRY(note("fate", caller, std::string(build)));
  return test::frontend_double().answers;
}

Result<v1::DeliveryAnswers> approve(const Context&, const Caller& caller, const v1::ApproveRequest& request) {
  TRY(note("approve", caller, model::to_json(request)));
  return test::frontend_double().answers;
}

Result<v1::DeliveryAnswers> rollback(const Context&, const Caller& caller,
                                     const v1::RollbackRequest& request) {
  TRY(note("rollback", caller, model::to_json(request)));
  return test::frontend_double().answers;
}

Result<v1::PlanResult> plan(const Context& context, const Operation& operation,
                            const std::vector<std::string>& applications) {
  auto& calls = test::frontend_double().calls;
  auto result = operation(context);
  for (const auto& application : applications) calls.back() += " for " + application;
  return result;
}

Operation plan_apply(const Caller& caller, const std::vector<model::Object>& objects, const ApplyOptions&) {
  return planned("apply", caller, fmt::format("{} objects", objects.size()));
}
Operation plan_erase(const Caller& caller, const model::Kind& kind, std::string name,
                     const EraseOptions& options) {
  return planned("erase", caller,
                 fmt::format("{}/{}{}", kind.plural, name, options.delete_data ? " with data" : ""));
}
Operation plan_build(const Caller& caller, v1::BuildSpec build) {
  return planned("build", caller, model::to_json(build));
}
Operation plan_approve(const Caller& caller, v1::ApproveRequest request) {
  return planned("approve", caller, model::to_json(request));
}
Operation plan_rollback(const Caller& caller, v1::RollbackRequest request) {
  return planned("rollback", caller, model::to_json(request));
}

Result<v1::History> history(const Context&, std::string_view application) {
  TRY(note("history", {}, application));
  return test::frontend_double().history;
}

Result<v1::DiffResult> diff(const Context&, std::string_view application, uint32_t from, uint32_t to) {
  TRY(note("diff", {}, fmt::format("{} {} {}", application, from, to)));
  return v1::DiffResult();
}

Result<v1::Tree> tree(const Context&, std::string_view application) {
  TRY(note("tree", {}, application));
  return test::frontend_double().tree;
}

Result<v1::Why> why(const Context&, std::string_view resource) {
  TRY(note("why", {}, resource));
  return v1::Why();
}

// Shows what it reads, so that a test can see whether it was refreshed.
Result<v1::Description> describe(const Context& context, const model::Kind& kind, std::string_view name,
                                 std::string_view /*environment*/) {
  TRY(note("describe", {}, fmt::format("{}/{}", kind.plural, name)));
  v1::Description description;
  if (const auto resource = TRY(objects::get<v1::Resource>(*TRY(context.store.snapshot()), name)))
    description.set_state(resource->status().state());
  return description;
}

Result<v1::SystemStatus> system_status(const Context& context) {
  TRY(note("system_status", {}, ""));
  v1::SystemStatus status;
  status.set_well(true);
  status.set_regions(
      static_cast<uint32_t>(TRY(objects::list<v1::Region>(*TRY(context.store.snapshot()))).size()));
  return status;
}

Result<v1::TokenResult> create_service_account_token(const Context&, const Caller& caller,
                                                     const v1::TokenRequest& request) {
  TRY(note("token", caller, model::to_json(request)));
  v1::TokenResult result;
  result.set_token("qlt_new");
  return result;
}

Result<> revoke_token(const Context&, const Caller& caller, std::string_view account, std::string_view id) {
  return note("revoke-token", caller, fmt::format("{} {}", account, id));
}

Result<v1::JoinTokenResult> create_join_token(const Context&, const Caller& caller,
                                              const v1::JoinTokenRequest& request) {
  TRY(note("join-token", caller, model::to_json(request)));
  v1::JoinTokenResult result;
  result.set_token("qlj_new");
  return result;
}

Result<v1::Agent> redeem_join_token(const Context&, const v1::EnrolRequest& request) {
  TRY(note("redeem", {}, request.agent()));
  if (request.token() != "qlj_good")
    return fail(Code::kUnauthenticated, "the join token is unknown, used or expired");
  v1::Agent agent;
  agent.mutable_metadata()->set_name(request.agent());
  agent.mutable_spec()->set_public_key(request.public_key());
  return agent;
}

Result<> revoke_agent(const Context&, const Caller& caller, std::string_view agent) {
  return note("revoke-agent", caller, agent);
}

Result<v1::Agent> asker_of_certificate(const Context&, const v1::CertificateRequest& request) {
  TRY(note("certificate", {}, request.agent()));
  if (request.signature() != "good") return fail(Code::kUnauthenticated, "not signed by its key");
  v1::Agent agent;
  agent.mutable_metadata()->set_name(request.agent());
  return agent;
}

Result<> note_certificate(const Context&, const v1::Agent& agent) {
  return note("note-certificate", {}, agent.metadata().name());
}

}  // namespace qleet::hub::frontend
