#include "cli/verdict.h"

#include <algorithm>
#include <optional>

namespace qleet::cli {
namespace {

Progress of_state(const std::string& state) {
  if (state == "Ready") return Progress::kDone;
  if (state == "AwaitingApproval" || state == "AwaitingEnvironment") return Progress::kWaitsForPeople;
  if (state == "Stalled" || state == "Blocked" || state == "Failed" || state == "Returned")
    return Progress::kFailed;
  return Progress::kOnTheWay;
}

Progress of_environment(const v1::TreeEnvironment& environment, std::uint32_t release) {
  if (release != 0 && release != environment.release()) {
    if (release == environment.returned_from() || release == environment.failed_release())
      return Progress::kFailed;
    if (release == environment.candidate()) return Progress::kWaitsForPeople;
    // It was complete everywhere before something newer came.
    return release == environment.current() ? Progress::kDone : Progress::kReplaced;
  }
  // What the hub says of the one before is not what is waited for.
  if (environment.observed_generation() < environment.generation()) return Progress::kOnTheWay;
  // It serves again because the one after it failed.
  const bool serves_again = release != 0 && environment.state() == "Returned";
  const auto progress = serves_again ? Progress::kDone : of_state(environment.state());
  const bool candidate_too = release == 0 && environment.candidate() != 0;
  return progress == Progress::kDone && candidate_too ? Progress::kWaitsForPeople : progress;
}

// Of several: what failed ends it, then what is still on its way counts, then what nobody wants any more,
// then what waits for somebody.
class Sum {
 public:
  void add(Progress progress) {
    any_ = true;
    failed_ = failed_ || progress == Progress::kFailed;
    on_the_way_ = on_the_way_ || progress == Progress::kOnTheWay;
    replaced_ = replaced_ || progress == Progress::kReplaced;
    waits_ = waits_ || progress == Progress::kWaitsForPeople;
  }
  Progress progress() const {
    if (failed_) return Progress::kFailed;
    if (!any_ || on_the_way_) return Progress::kOnTheWay;
    if (replaced_) return Progress::kReplaced;
    return waits_ ? Progress::kWaitsForPeople : Progress::kDone;
  }

 private:
  bool any_ = false;
  bool failed_ = false;
  bool on_the_way_ = false;
  bool replaced_ = false;
  bool waits_ = false;
};

// A hub of before tells places alone.
Progress of_places(const v1::Tree& tree, const std::string& environment) {
  Sum sum;
  for (const auto& place : tree.places()) {
    if (environment.empty() || place.environment() == environment) sum.add(of_state(place.state()));
  }
  return sum.progress();
}

}  // namespace

std::vector<Goal> goals_of(const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& answers) {
  std::vector<Goal> goals;
  for (const auto& answer : answers)
    goals.push_back({answer.application(), answer.environment(), answer.release()});
  return goals;
}

Progress progress_of(const v1::Tree& tree, const std::string& environment, const std::vector<Goal>& goals) {
  if (tree.environments().empty()) return of_places(tree, environment);
  const bool narrowed =
      std::ranges::any_of(goals, [&](const Goal& goal) { return goal.application == tree.application(); });
  Sum sum;
  for (const auto& one : tree.environments()) {
    if (!environment.empty() && one.environment() != environment) continue;
    if (!narrowed) {
      if (!one.deleted()) sum.add(of_environment(one, 0));
      continue;
    }
    for (const auto& goal : goals) {
      if (goal.application == tree.application() && goal.environment == one.environment())
        sum.add(of_environment(one, goal.release));
    }
  }
  return sum.progress();
}

std::vector<std::string> replacements(const v1::Tree& tree, const std::string& environment,
                                      const std::vector<Goal>& goals) {
  std::vector<std::string> lines;
  for (const auto& one : tree.environments()) {
    if (!environment.empty() && one.environment() != environment) continue;
    for (const auto& goal : goals) {
      if (goal.application != tree.application() || goal.environment != one.environment()) continue;
      if (of_environment(one, goal.release) != Progress::kReplaced) continue;
      lines.push_back(goal.application + ": release " + std::to_string(goal.release) +
                      " was replaced by release " + std::to_string(std::max(one.release(), one.candidate())) +
                      " in " + goal.environment);
    }
  }
  return lines;
}

}  // namespace qleet::cli
