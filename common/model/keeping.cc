#include "common/model/keeping.h"

namespace qleet::model {
namespace {

constexpr std::string_view kVolume = "volume";
constexpr std::string_view kWorkload = "workload";
constexpr std::string_view kDelete = "delete";
constexpr std::string_view kRetain = "retain";

}  // namespace

bool holds_data(const v1::ResourceSpec& resource) {
  return resource.keeps_data() || resource.type() == kVolume || resource.when_unused().do_() == kRetain;
}

bool keeps_data(const v1::ResourceSpec& resource) {
  return holds_data(resource) && resource.when_unused().do_() != kDeleteData;
}

bool is_data(const v1::ResourceSpec& resource) {
  return (resource.keeps_data() || resource.type() == kVolume) && resource.when_unused().do_() != kDeleteData;
}

AfterGrace after_grace(const v1::ResourceSpec& resource) {
  if (resource.when_unused().do_() == kRetain) return AfterGrace::kRetain;
  return keeps_data(resource) && !resource.data_may_go() ? AfterGrace::kKeep : AfterGrace::kDelete;
}

AfterGrace after_grace(const v1::ProfileSpec& profile) {
  v1::ResourceSpec resource;
  resource.set_type(profile.satisfies().type());
  resource.set_class_(profile.satisfies().class_());
  set_keeping(resource, profile);
  return after_grace(resource);
}

// What is not said leaves no trace: what stands in a store already is as it was.
void set_keeping(v1::ResourceSpec& resource, const v1::ProfileSpec& profile) {
  auto& policy = *resource.mutable_when_unused();
  policy.set_do_(std::string(kDelete));
  resource.set_keeps_data(false);
  if (resource.type() == kWorkload) return;
  if (resource.class_() == kRetainedClass || profile.when_unused().do_() == kRetain) {
    policy.set_do_(std::string(kRetain));
  } else if (profile.has_keeps_data() && !profile.keeps_data()) {
    policy.set_do_(std::string(kDeleteData));
  }
  if (profile.keeps_data()) resource.set_keeps_data(true);
}

}  // namespace qleet::model
