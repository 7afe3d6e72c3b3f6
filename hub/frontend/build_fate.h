// What has become of one answer to a build. Pure.
#pragma once

#include <string>

#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::frontend {

struct FateInput {
  const v1::DeliveryAnswer& answer;  // as it was given
  const v1::Deployment* deployment;  // null: there is none any more
  const v1::Release* release;        // that the answer speaks of; null: there is none
  const v1::Release* wanted;         // of the deployment; null: none
  bool holds_build = false;          // the answer's release has the build's content
};

struct Fate {
  std::string state;
  std::string reason;  // for people
  // Nobody waits for it any more, though it was not ready yet.
  bool too_soon = false;
};

Fate fate_of(const FateInput& input);

// Of all answers of one build. `replaced`: one of them was too soon.
std::string overall(const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& fates, bool replaced);

// Whether that subject has told of the build.
bool was_notified_by(const v1::Build& build, const std::string& subject);
void note_notifier(v1::Build& build, const std::string& subject);

}  // namespace qleet::hub::frontend
