#include <fmt/format.h>

#include "common/clock/duration.h"
#include "common/crypto/nkey.h"
#include "common/sync/certificate_proof.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;

std::unexpected<Error> stranger() {
  return fail(Code::kUnauthenticated,
              "there is no such agent, or the request is not signed by its key; enrol it (again) with the "
              "line that qleet agent join-token --region REGION prints");
}

}  // namespace

Result<v1::Agent> asker_of_certificate(const Context& context, const v1::CertificateRequest& request) {
  const auto now = std::chrono::floor<std::chrono::seconds>(context.clock.wall());
  const WallTime said{std::chrono::seconds(request.time().seconds())};
  // Before anything is looked up: who asks with an old request learns nothing by it.
  if (!request.has_time() || said > now + kRequestFresh || said < now - kRequestFresh) {
    return fail(
        Code::kInvalid,
        fmt::format("time: the request is of {}, and here it is {}: set the clock of the agent, or of the "
                    "hub",
                    format_time(said), format_time(now)));
  }
  const auto snapshot = TRY(context.store.snapshot());
  const auto agent = TRY(objects::get<v1::Agent>(*snapshot, request.agent()));
  if (!agent || !crypto::verify_signature(
                    agent->spec().public_key(),
                    certificate_proof(request.agent(), request.tls_request(), request.time().seconds()),
                    request.signature()))
    return stranger();
  if (agent->spec().revoked())
    return fail(Code::kDenied,
                fmt::format("agent \"{}\": it is revoked; enrol it again with a new key", request.agent()));
  return *agent;
}

Result<> note_certificate(const Context& context, const v1::Agent& agent) {
  const auto key = keys::certified(agent.metadata().name());
  // Known mostly: nothing is written for a renewal.
  const auto known = TRY(TRY(context.store.snapshot())->get(key));
  if (known && known->value == agent.spec().public_key()) return {};
  TRY(in_transaction(context, [&](Work& work) -> Result<> {
    work.txn.put(key, agent.spec().public_key());
    return {};
  }));
  return {};
}

Result<std::vector<std::string>> agents_without_certificate(const Context& context) {
  const auto snapshot = TRY(context.store.snapshot());
  std::vector<std::string> out;
  const auto all = objects::range(model::kind_of(v1::Agent::default_instance()), {});
  for (const auto& entry : TRY(snapshot->scan(all))) {
    const std::string name(keys::last(entry.key));
    v1::Agent agent;
    // Of one that cannot be read nobody can say that it has one.
    if (const auto read = objects::decode_into(entry, agent); !read) {
      objects::log_left_out(entry, read.error());
      out.push_back(name);
      continue;
    }
    if (agent.spec().revoked()) continue;
    const auto given = TRY(snapshot->get(keys::certified(name)));
    if (!given || given->value != agent.spec().public_key()) out.push_back(name);
  }
  return out;
}

}  // namespace qleet::hub::frontend
