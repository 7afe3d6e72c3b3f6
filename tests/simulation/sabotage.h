// Ways in which a history is made to break a rule on purpose: so that it is seen that the rule's check can
// fail.
#pragma once

#include <string_view>

namespace qleet::sim {

enum class Sabotage {
  kNone,
  kLostWrite,         // the store acknowledges an apply and forgets it
  kLeakyCloud,        // the cloud says that a thing is gone, and keeps it
  kTrampling,         // a provider deletes a neighbour of what it makes
  kNeedlessApply,     // a provider says once that a thing that is as wanted is not
  kNoFreshness,       // the API shows status without looking at its age
  kLyingProvider,     // a provider says ready for what is not there
  kRevisionBack,      // a restored store goes on with the revisions that the lost one gave out
  kSkippedChange,     // the change log leaves a change out, for a watch
  kDeafProvider,      // one thing never becomes ready
  kForgetfulHub,      // the hub erases a tombstone before its agent has carried it out
  kRestless,          // the hub writes although nothing happens
  kForgottenLineage,  // a restored store does not say what it descends from
  kForgottenSecret,   // an agent's journal does not keep secrets with their data
  kCarelessHub,       // the hub takes all data for what may go
  kHastyAgent,        // an agent begins by a tag, before its digest is recorded
  kFloatingTag,       // what runs by a digest is what its tag is now
  kFickleHub,         // a digest that is recorded changes
  kPatientHub,        // the hub gives a release its time again and again
  kHastyReturn,       // the hub goes back from a release that was ready
  kForgottenFound,    // an agent's journal does not keep that data was there before it
  kBothServe,         // the hub listens to both copies of an agent
};

inline std::string_view name_of(Sabotage sabotage) {
  constexpr std::string_view kNames[] = {"none",
                                         "lost-write",
                                         "leaky-cloud",
                                         "trampling",
                                         "needless-apply",
                                         "no-freshness",
                                         "lying-provider",
                                         "revision-back",
                                         "skipped-change",
                                         "deaf-provider",
                                         "forgetful-hub",
                                         "restless",
                                         "forgotten-lineage",
                                         "forgotten-secret",
                                         "careless-hub",
                                         "hasty-agent",
                                         "floating-tag",
                                         "fickle-hub",
                                         "patient-hub",
                                         "hasty-return",
                                         "forgotten-found",
                                         "both-serve"};
  return kNames[static_cast<int>(sabotage)];
}

}  // namespace qleet::sim
