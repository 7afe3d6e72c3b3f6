// Whether what somebody waits for has come true, by what the hub says of it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

// kReplaced: something newer is wanted, and what was waited for was not ready before that.
enum class Progress { kOnTheWay, kDone, kWaitsForPeople, kReplaced, kFailed };

struct Goal {
  std::string application;
  std::string environment;
  std::uint32_t release = 0;  // 0: whichever is wanted
};

// What the hub answered to an apply, a build, an approval or a rollback: one goal for each environment.
std::vector<Goal> goals_of(const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& answers);

// Of the tree's application in `environment` (empty: all of its environments). Goals narrow it down: with
// goals for this application only their environments count, each judged by its release, and by no other: one
// that the hub went back from has failed, whatever serves now, and how it goes with a newer one counts for
// nothing.
Progress progress_of(const v1::Tree& tree, const std::string& environment,
                     const std::vector<Goal>& goals = {});

// "shop: release 5 was replaced by release 6 in prod", for each goal of which that is so.
std::vector<std::string> replacements(const v1::Tree& tree, const std::string& environment,
                                      const std::vector<Goal>& goals);

}  // namespace qleet::cli
