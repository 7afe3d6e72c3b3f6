// Conditions of an object's status.
#pragma once

#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "google/protobuf/repeated_field.h"
#include "qleet/v1/meta.pb.h"

namespace qleet::hub::controllers {

using Conditions = google::protobuf::RepeatedPtrField<v1::Condition>;

struct ConditionValue {
  std::string_view type;
  bool is_true = false;
  std::string_view reason;
  std::string message;
  std::uint32_t generation = 0;
};

// Keeps the time of the last transition while the status stays the same.
void set_condition(Conditions& conditions, const ConditionValue& value, WallTime now);
void erase_condition(Conditions& conditions, std::string_view type);
// Null where there is none.
const v1::Condition* find_condition(const Conditions& conditions, std::string_view type);
bool is_true(const Conditions& conditions, std::string_view type);

}  // namespace qleet::hub::controllers
