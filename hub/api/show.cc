#include "hub/api/show.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <charconv>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/access/roles.h"
#include "hub/api/application_status.h"
#include "hub/api/unreadable.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::api {
namespace {

// "Unused", "Retained" or empty: what is known only when somebody looks.
std::string_view unused_state(const v1::Resource& resource, WallTime now) {
  if (resource.spec().deleted() || !resource.status().has_unused_since()) return {};
  const auto& since = resource.status().unused_since();
  const auto due = Millis(since.seconds() * 1000 + since.nanos() / 1'000'000 +
                          static_cast<std::int64_t>(resource.spec().when_unused().after_ms()));
  const bool retained = model::stays_unused(resource.spec()) && now.time_since_epoch() >= due;
  return retained ? reasons::kRetained : reasons::kUnused;
}

}  // namespace

Result<Shower::Shown> Shower::show(const model::Kind& kind, std::string_view name, std::string_view value,
                                   Revision revision) const {
  Shown shown{model::Object(kind.prototype->New()), fmt::format("\"{}\"", revision)};
  google::protobuf::Message& object = *shown.object;
  if (!object.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return fail(
        Code::kInternal,
        fmt::format("{} \"{}\": what the store holds of it is damaged and cannot be read (key {}, "
                    "revision {}); it is left as it is, and what runs goes on. Restore a backup of the hub",
                    kind.name, printable(name), keys::object(kind.plural, printable(name)), revision));
  model::meta(object).set_resource_version(revision);

  const auto state_tag = [&](std::string_view state) {
    if (!state.empty()) shown.etag = fmt::format("\"{}-{}\"", revision, state);
  };
  if (auto* resource = dynamic_cast<v1::Resource*>(&object)) {
    const std::string before = resource->status().state();
    if (const auto state = unused_state(*resource, clock_.wall()); !state.empty())
      resource->mutable_status()->set_state(std::string(state));
    if (freshness_ != nullptr) freshness_->refresh(object);
    if (resource->status().state() != before) state_tag(resource->status().state());
  } else if (auto* agent = dynamic_cast<v1::Agent*>(&object)) {
    const std::string before = agent->status().state();
    const auto seen = agent->status().last_seen().seconds();
    if (freshness_ != nullptr) freshness_->refresh(object);
    if (agent->status().state() != before || agent->status().last_seen().seconds() != seen)
      state_tag(fmt::format("{}{}", agent->status().state(), agent->status().last_seen().seconds()));
  } else if (auto* application = dynamic_cast<v1::Application*>(&object)) {
    // As its deployments are now, which may be newer than what was read of it.
    TRY(tell_status(*TRY(store_.snapshot()), *application));
    state_tag(told_status(*application));
  } else if (auto* secret = dynamic_cast<v1::Secret*>(&object)) {
    for (auto& [key, hidden] : *secret->mutable_spec()->mutable_data()) hidden = kHidden;
  } else if (auto* account = dynamic_cast<v1::ServiceAccount*>(&object)) {
    for (auto& token : *account->mutable_status()->mutable_tokens()) token.clear_sha256();
  }
  return shown;
}

std::optional<Revision> etag_revision(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  tag = tag.substr(0, tag.find('-'));
  Revision revision = 0;
  const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), revision);
  if (tag.empty() || error != std::errc() || end != tag.data() + tag.size()) return std::nullopt;
  return revision;
}

namespace {

Result<> refuse_hidden_values(const v1::Secret& secret) {
  Error error{Code::kInvalid, {}, {}};
  for (const auto& [key, value] : secret.spec().data())
    if (value == kHidden)
      error.fields.push_back(
          {.field = "spec.data." + key,
           .message =
               fmt::format("\"{}\" stands for a value that is not shown: give the value itself, or leave "
                           "the secret as it is",
                           kHidden)});
  if (error.fields.empty()) return {};
  error.message = fmt::format("secret {}: hidden values cannot be written back", secret.metadata().name());
  return std::unexpected(std::move(error));
}

Result<> refuse_other_rules(const v1::Role& role) {
  const v1::Role* fixed = access::builtin_role(role.metadata().name());
  if (fixed == nullptr || google::protobuf::util::MessageDifferencer::Equals(fixed->spec(), role.spec()))
    return {};
  Error error{Code::kInvalid, fmt::format("role {}: its rules are fixed", role.metadata().name()), {}};
  error.fields.push_back(
      {.field = "spec.rules", .message = "fixed for this role: make a role of another name"});
  return std::unexpected(std::move(error));
}

}  // namespace

Result<> refuse_misleading(const google::protobuf::Message& object) {
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&object)) return refuse_hidden_values(*secret);
  if (const auto* role = dynamic_cast<const v1::Role*>(&object)) return refuse_other_rules(*role);
  return {};
}

}  // namespace qleet::hub::api
