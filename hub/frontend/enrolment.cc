#include <fmt/format.h>

#include "common/clock/duration.h"
#include "common/crypto/token.h"
#include "hub/controllers/events.h"
#include "hub/controllers/places.h"
#include "hub/controllers/secret_uses.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {
namespace {

using controllers::Work;
using google::protobuf::Struct;

constexpr std::string_view kDefaultValidity = "1h";

std::unexpected<Error> wrong_field(std::string field, std::string message) {
  Error error{Code::kInvalid, fmt::format("{}: {}", field, message), {}};
  error.fields.push_back({std::move(field), std::move(message)});
  return std::unexpected(std::move(error));
}

std::unexpected<Error> refused() {
  return fail(Code::kUnauthenticated,
              "the join token is unknown, used already, or too old: make another: qleet agent join-token "
              "--region REGION");
}

// What a join token stands for. Used, it stays until it expires, for the agent that used it alone: an
// answer that got lost is asked for again with the same token and key.
struct Invitation {
  std::string key;  // in the store
  Struct stored;

  std::string text(const std::string& field) const {
    const auto it = stored.fields().find(field);
    return it == stored.fields().end() ? "" : it->second.string_value();
  }
  std::string region() const { return text("region"); }
  bool used() const { return !text("public_key").empty(); }
  bool used_by(const v1::EnrolRequest& request) const {
    return text("agent") == request.agent() && text("public_key") == request.public_key();
  }
};

bool expired(const Struct& stored, WallTime now) {
  return WallTime(Millis(static_cast<std::int64_t>(stored.fields().at("expires_ms").number_value()))) <= now;
}

Result<Invitation> invitation_of(Work& work, std::string_view token) {
  Invitation invitation{keys::join(crypto::sha256_hex(token)), {}};
  const auto entry = TRY(work.txn.get(invitation.key));
  if (!entry || !invitation.stored.ParseFromString(entry->value) || expired(invitation.stored, work.now()))
    return refused();
  return invitation;
}

void mark_used(Work& work, Invitation& invitation, const v1::EnrolRequest& request) {
  auto& fields = *invitation.stored.mutable_fields();
  fields["agent"].set_string_value(request.agent());
  fields["public_key"].set_string_value(request.public_key());
  work.txn.put(invitation.key, invitation.stored.SerializeAsString());
}

// Expired tokens go as new ones come: each looks at the few that stand after its own random place.
Result<> sweep_expired(Work& work, const std::string& after) {
  constexpr size_t kLook = 8;
  for (const auto& entry : TRY(work.txn.scan({keys::join(""), after, kLook}))) {
    Struct stored;
    if (!stored.ParseFromString(entry.value) || expired(stored, work.now())) work.txn.erase(entry.key);
  }
  return {};
}

// The first region is where the environment that is made at first start has its place. One that comes later
// has no application until an environment selects it.
Result<> label_first(Work& work, v1::Region& region) {
  auto& labels = *region.mutable_metadata()->mutable_labels();
  if (labels.contains(std::string(kDefaultRegionLabel))) return {};
  const auto& kind = model::kind_of(region);
  for (const auto& entry : TRY(work.txn.scan({.prefix = keys::object(kind.plural, ""), .limit = 2})))
    if (keys::last(entry.key) != region.metadata().name()) return {};
  labels[std::string(kDefaultRegionLabel)] = std::string(kDefaultRegionValue);
  return {};
}

Result<v1::Region> region_for(Work& work, const Invitation& invitation) {
  auto found = TRY(objects::get<v1::Region>(work.txn, invitation.region()));
  v1::Region region = found.value_or(v1::Region());
  region.mutable_metadata()->set_name(invitation.region());
  const auto labels = invitation.stored.fields().find("labels");
  if (labels != invitation.stored.fields().end())
    for (const auto& [name, value] : labels->second.struct_value().fields())
      (*region.mutable_metadata()->mutable_labels())[name] = value.string_value();
  if (!found || found->status().agent().empty()) TRY(label_first(work, region));
  TRY(objects::put(work.txn, region, work.stamp));
  return region;
}

}  // namespace

Result<v1::JoinTokenResult> create_join_token(const Context& context, const Caller& caller,
                                              const v1::JoinTokenRequest& request) {
  if (!model::is_name(request.region()))
    return wrong_field("region",
                       fmt::format("\"{}\" is no name: lower-case letters, digits and -", request.region()));
  const auto text = request.valid_for().empty() ? std::string(kDefaultValidity) : request.valid_for();
  const auto valid_for = parse_duration(text);
  if (!valid_for || *valid_for <= Millis(0))
    return wrong_field("validFor", fmt::format("\"{}\" is no duration: write for example 1h", text));
  v1::Region probe;
  probe.mutable_metadata()->set_name(request.region());
  *probe.mutable_metadata()->mutable_labels() = request.labels();
  if (auto errors = model::validate(probe); !errors.empty()) {
    Error error{Code::kInvalid, fmt::format("{}: {}", errors.front().field, errors.front().message), {}};
    error.fields = std::move(errors);
    return std::unexpected(std::move(error));
  }
  const auto token = crypto::random_token(random_of(context), crypto::kJoinPrefix);
  v1::JoinTokenResult result;
  TRY(in_transaction(context, [&](Work& work) -> Result<> {
    const auto expires = work.now() + *valid_for;
    Struct stored;
    auto& fields = *stored.mutable_fields();
    fields["region"].set_string_value(request.region());
    fields["expires_ms"].set_number_value(static_cast<double>(expires.time_since_epoch().count()));
    auto& labels = *fields["labels"].mutable_struct_value()->mutable_fields();
    for (const auto& [name, value] : request.labels()) labels[name].set_string_value(value);
    const auto key = keys::join(crypto::sha256_hex(token));
    TRY(sweep_expired(work, key));
    work.txn.put(key, stored.SerializeAsString());
    *result.mutable_expires() = objects::timestamp(expires);
    return controllers::record_audit(work,
                                     {caller.subject, "enrol", "Region", request.region(), "join token"});
  }));
  result.set_region(request.region());
  result.set_token(token);
  return result;
}

Result<v1::Agent> redeem_join_token(const Context& context, const v1::EnrolRequest& request) {
  if (!model::is_name(request.agent()))
    return wrong_field("agent",
                       fmt::format("\"{}\" is no name: lower-case letters, digits and -", request.agent()));
  if (request.public_key().empty()) return wrong_field("publicKey", "is missing");
  if (!request.box_key().empty()) {
    if (const auto good = controllers::check_box_key(request.box_key()); !good)
      return wrong_field("boxKey", good.error().message);
  }
  v1::Agent agent;
  TRY(in_transaction(context, [&](Work& work) -> Result<> {
    auto invitation = TRY(invitation_of(work, request.token()));
    auto known = TRY(objects::get<v1::Agent>(work.txn, request.agent()));
    if (invitation.used()) {
      // Revoking goes before: a used token brings no revoked agent back.
      if (!invitation.used_by(request) || !known || known->spec().revoked() ||
          known->spec().public_key() != request.public_key())
        return refused();
      agent = *known;
      return {};
    }
    auto region = TRY(region_for(work, invitation));
    if (known && known->spec().region() != invitation.region() && !known->spec().revoked())
      return fail(Code::kConflict,
                  fmt::format("agent {} serves region {}: give this one another name, with --name {} behind "
                              "qleet-agent enrol, or revoke that one first",
                              request.agent(), known->spec().region(), invitation.region()));
    // Who lost his folder is not connected; somebody else of the same name would push a living one out.
    if (known && !known->spec().revoked() && known->spec().public_key() != request.public_key() &&
        known->status().state() == "Connected")
      return fail(Code::kConflict,
                  fmt::format("agent {} is connected and serves region {}: stop it first, or give this one a "
                              "region and a name of its own",
                              request.agent(), known->spec().region()));
    const auto& serving = region.status().agent();
    if (!serving.empty() && serving != request.agent()) {
      const auto other = TRY(objects::get<v1::Agent>(work.txn, serving));
      if (other && !other->spec().revoked())
        return fail(Code::kConflict, fmt::format("region {} is served by agent {}: revoke it first",
                                                 invitation.region(), serving));
    }
    agent = known.value_or(v1::Agent());
    agent.mutable_metadata()->set_name(request.agent());
    agent.mutable_spec()->set_region(invitation.region());
    agent.mutable_spec()->set_public_key(request.public_key());
    agent.mutable_spec()->set_box_key(request.box_key());
    agent.mutable_spec()->set_revoked(false);
    agent.mutable_status()->set_version(request.version());
    agent.mutable_status()->set_state("Enrolled");
    *agent.mutable_status()->mutable_since() = objects::timestamp(work.now());
    TRY(objects::put(work.txn, agent, work.stamp));
    region.mutable_status()->set_agent(request.agent());
    TRY(objects::put_status(work.txn, region));
    TRY(controllers::refresh_agent(work, request.agent()));
    TRY(controllers::reseal_region(work, invitation.region()));
    mark_used(work, invitation, request);
    return controllers::record_audit(work, {fmt::format("agent:{}", request.agent()), "join", "Agent",
                                            request.agent(), fmt::format("region {}", invitation.region())});
  }));
  return agent;
}

Result<> note_box_key(const Context& context, const std::string& agent, const std::string& box_key) {
  TRY(in_transaction(context, [&](Work& work) -> Result<> {
    TRY(controllers::put_box_key(work, agent, box_key));
    return {};
  }));
  return {};
}

Result<> revoke_agent(const Context& context, const Caller& caller, std::string_view agent) {
  const auto done = in_transaction(context, [&](Work& work) -> Result<> {
    auto found = TRY(existing<v1::Agent>(work.txn, agent));
    if (found.spec().revoked()) return {};
    found.mutable_spec()->set_revoked(true);
    found.mutable_status()->set_state("Revoked");
    *found.mutable_status()->mutable_since() = objects::timestamp(work.now());
    TRY(objects::put(work.txn, found, work.stamp));
    TRY(controllers::refresh_agent(work, std::string(agent)));
    return controllers::record_audit(work, {caller.subject, "revoke", "Agent", agent, ""});
  });
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace qleet::hub::frontend
