#include "hub/controllers/conditions.h"

#include "hub/controllers/times.h"

namespace qleet::hub::controllers {

void set_condition(Conditions& conditions, const ConditionValue& value, WallTime now) {
  v1::Condition* condition = nullptr;
  for (auto& known : conditions) {
    if (known.type() == value.type) condition = &known;
  }
  if (condition == nullptr) {
    condition = conditions.Add();
    condition->set_type(std::string(value.type));
  }
  const std::string status = value.is_true ? "True" : "False";
  if (condition->status() != status) *condition->mutable_last_transition_time() = to_timestamp(now);
  condition->set_status(status);
  condition->set_reason(std::string(value.reason));
  condition->set_message(value.message);
  condition->set_observed_generation(value.generation);
}

void erase_condition(Conditions& conditions, std::string_view type) {
  for (int i = conditions.size() - 1; i >= 0; --i) {
    if (conditions[i].type() == type) conditions.DeleteSubrange(i, 1);
  }
}

const v1::Condition* find_condition(const Conditions& conditions, std::string_view type) {
  for (const auto& condition : conditions) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

bool is_true(const Conditions& conditions, std::string_view type) {
  const auto* condition = find_condition(conditions, type);
  return condition != nullptr && condition->status() == "True";
}

}  // namespace qleet::hub::controllers
