// Who may ask for what a profile makes, and which of its parameters are the operator's. Pure.
//
// Other profiles always may, by their requires, and may set every parameter: profiles are the operator's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::hub::controllers {

// `askers.workloads`; left out: they may, unless all of a region share it.
bool workloads_may_ask(const v1::Profile& profile);

struct Denial {
  std::string message;    // names the profile, and says what to do
  std::string parameter;  // that is the operator's; empty: the asker may not ask at all
};

// Why a workload may not ask for this with these params; nullopt where it may. `roles` are those of who
// applies it; null: not asked about.
std::optional<Denial> why_denied(const v1::Profile& profile, const google::protobuf::Struct& params,
                                 const std::vector<std::string>* roles);

// Whether it is kept to roles of who applies.
bool asks_for_roles(const v1::Profile& profile);

// Why a workload may not have it while nobody applies it: nobody was asked for his roles yet.
std::string not_granted_text(const v1::Profile& profile);

// For people: "workloads and other profiles, applied by: platform"; "other profiles only".
std::string askers_text(const v1::Profile& profile);

}  // namespace qleet::hub::controllers
