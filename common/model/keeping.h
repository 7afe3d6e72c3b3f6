// What holds data that somebody would miss, and what therefore becomes of it when nobody needs it any more.
// The one place that decides this. Pure.
#pragma once

#include <string_view>

#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::model {

// Asked for with this class, any type is kept until somebody deletes it by name.
inline constexpr std::string_view kRetainedClass = "retained";
// WhenUnusedPolicy.do of a resource whose profile says `keepsData: false`.
inline constexpr std::string_view kDeleteData = "delete-data";

// When its grace period is over and nobody needs it.
enum class AfterGrace {
  kDelete,
  kKeep,    // it keeps data: it stays until somebody asks that its data go
  kRetain,  // it stays until somebody deletes it by name
};

// Of a profile: what it satisfies is made with.
AfterGrace after_grace(const v1::ProfileSpec& profile);
AfterGrace after_grace(const v1::ResourceSpec& resource);
inline bool stays_unused(const v1::ResourceSpec& resource) {
  return after_grace(resource) != AfterGrace::kDelete;
}

// Data that somebody would miss goes with it.
bool keeps_data(const v1::ResourceSpec& resource);
// What its agent is told: data lies in the thing itself, so that one that vanished is a loss. That somebody
// wants it kept does not make it so: a router is made again, and a database's data is in its volume.
bool is_data(const v1::ResourceSpec& resource);
// The same as keeps_data, or a cache (`keepsData: false`): what an environment protects, and what is recorded
// when it goes.
bool holds_data(const v1::ResourceSpec& resource);

// Writes into a resource what its profile and class say.
void set_keeping(v1::ResourceSpec& resource, const v1::ProfileSpec& profile);

}  // namespace qleet::model
