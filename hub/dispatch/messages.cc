#include "hub/dispatch/messages.h"

#include "common/log/log.h"
#include "common/model/keeping.h"
#include "common/sync/accept.h"
#include "common/sync/limits.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"dispatch"};

}  // namespace

Result<std::optional<wire::v1::DesiredResource>> desired(std::string_view key,
                                                         const std::string& serialized) {
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
