// How the hub's objects become messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/region.pb.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

using ProviderSchemas = google::protobuf::RepeatedPtrField<v1::ProviderSchema>;

// Values of Secrets on their way to agents. Thread-safe.
class SecretBoxes {
 public:
  virtual ~SecretBoxes() = default;
  // The values of that version, sealed to the agent's key (base64url) for this resource alone. kNotFound:
  // that version is not there any more; another is on its way.
  virtual Result<std::string> seal(const std::string& resource, const v1::SecretUse& use,
                                   const std::string& box_key) const = 0;
};

// For whom a message is.
struct Recipient {
  const SecretBoxes* boxes = nullptr;  // null: nobody is sent values
  std::string box_key = {};            // empty: takes none
};

// The part of a resource that its agent acts upon. nullopt, and a line in the log, for one that fits into no
// message: it must not hold up the others. kInternal where the bytes are not a Resource.
Result<std::optional<wire::v1::DesiredResource>> desired(std::string_view key, const std::string& serialized,
                                                         const Recipient& recipient = {});

// Epoch and lineage, on any message that has both.
template <class Message>
void put_identity(const StoreIdentity& identity, Message& message) {
  message.set_epoch(identity.epoch);
  message.mutable_lineage()->Assign(identity.lineage.begin(), identity.lineage.end());
}

std::string poke_message(const StoreIdentity& identity, std::string_view why);

}  // namespace qleet::hub
