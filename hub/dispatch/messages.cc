#include "hub/dispatch/messages.h"

#include "common/log/log.h"
#include "common/model/keeping.h"
#include "common/sync/accept.h"
#include "common/sync/limits.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"dispatch"};

// Without a box where there is none to give: the agent keeps the one that it has of this version, or waits.
wire::v1::SealedSecret sealed(const std::string& resource, const v1::SecretUse& use,
                              const Recipient& recipient) {
  wire::v1::SealedSecret out;
  out.set_name(use.name());
  out.set_version(use.version());
  if (recipient.boxes == nullptr || recipient.box_key.empty()) return out;
  auto box = recipient.boxes->seal(resource, use, recipient.box_key);
  if (box)
    out.set_box(*std::move(box));
  else if (box.error().code != Code::kNotFound)
    kLog.error("values of a secret cannot be sent",
               {{"secret", use.name()}, {"resource", resource}, {"error", box.error().message}});
  return out;
}

}  // namespace

Result<std::optional<wire::v1::DesiredResource>> desired(std::string_view key, const std::string& serialized,
                                                         const Recipient& recipient) {
  v1::Resource resource;
  if (!resource.ParseFromString(serialized))
    return fail(Code::kInternal, std::string(key) + ": stored bytes are not a Resource");
  wire::v1::DesiredResource out;
  const auto& spec = resource.spec();
  out.set_name(resource.metadata().name());
  out.set_uid(resource.metadata().uid());
  out.set_generation(resource.metadata().generation());
  out.set_provider(spec.provider());
  if (spec.has_template_()) *out.mutable_template_() = spec.template_();
  if (spec.has_outputs()) *out.mutable_outputs() = spec.outputs();
  *out.mutable_dependencies() = spec.dependencies();
  out.set_hash(spec.hash());
  out.set_deleted(spec.deleted());
  out.set_keeps_data(model::is_data(spec));
  out.set_type(spec.type());
  out.set_id(spec.id());
  out.set_application(spec.application());
  out.set_environment(spec.environment());
  out.set_resolve_images(spec.resolve_images());
  if (spec.has_secret() && !spec.deleted())
    *out.mutable_secret() = sealed(out.name(), spec.secret(), recipient);
  if (out.ByteSizeLong() > sync::kMaxResourceBytes) {
    kLog.error("resource is too big for a message, its agent is not told",
               {{"resource", out.name()}, {"bytes", std::to_string(out.ByteSizeLong())}});
    return std::nullopt;
  }
  return out;
}

std::string poke_message(const StoreIdentity& identity, std::string_view why) {
  wire::v1::Poke poke;
  poke.set_protocol(sync::kProtocolMax);
  poke.set_epoch(identity.epoch);
  poke.set_why(std::string(why));
  return poke.SerializeAsString();
}

}  // namespace qleet::hub
