// How a change of an application becomes a release, and how a release gets into an environment. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::controllers {

// The environments that an application wants: its own list, or "default".
std::vector<std::string> environments_of(const v1::ApplicationSpec& spec);

// Which container of a workload takes the image of a build that it follows; empty where that is not clear.
std::string followed_container(const v1::Workload& workload);

// The same image repository, however it is written, and the tag matched by the glob (empty: every tag).
bool follows(const v1::Workload& workload, const v1::BuildSpec& build);

// "repository[:tag]@digest".
std::string image_reference(const v1::BuildSpec& build);

struct NamedBuild {
  std::string name;
  v1::BuildSpec spec;
};

// Where a build stands among those of its image, as CI says.
struct BuildOrder {
  std::uint64_t number = 0;      // 0: not said
  std::optional<WallTime> time;  // of the source revision
};
BuildOrder order_of(const v1::BuildSpec& build);
BuildOrder order_of(const v1::PinnedImage& pin);
// True where both have a number, or else both a time, and that of `a` is the smaller one. Nothing is known of
// others.
bool is_before(const BuildOrder& a, const BuildOrder& b);

// One image per workload that follows builds: the newest of `builds` (oldest first, but for what their order
// says) that it follows, unless `previous` pinned a later one; else what `previous` pinned, where the
// workload still follows that repository and tag.
std::vector<v1::PinnedImage> pin_images(const std::string& application, const v1::ApplicationSpec& spec,
                                        const std::vector<v1::PinnedImage>& previous,
                                        const std::vector<NamedBuild>& builds);

// The definition with pinned images in place.
v1::ApplicationSpec with_images(v1::ApplicationSpec spec, const std::vector<v1::PinnedImage>& images);

// Same definition (environments aside: those are placed, not released), images and profiles.
bool same_content(const v1::ReleaseSpec& a, const v1::ReleaseSpec& b);

// True where both mean the same in that environment.
bool same_in(const std::string& environment, const v1::ReleaseSpec& a, const v1::ReleaseSpec& b);

struct Offer {
  v1::DeploymentSpec spec;  // as it shall be
  std::string state;        // DeliveryAnswer.state
};

// A new release comes to an environment. `affects`: it means something else there than what is wanted now.
// What the environment had returned from is over with it.
// `asked`: somebody applied it; what comes by itself waits where the environment was rolled back.
Offer offer(const v1::DeploymentSpec& now, const v1::BuildPolicy& policy, std::uint32_t release, bool affects,
            bool asked);

// Builds get in again: somebody applied or approved, or went forward to what is the newest.
void end_hold(v1::DeploymentSpec& deployment);

// The hub goes back from what `deployment` wants, which failed, to `good`. A rollback that failed is undone
// whole: builds wait only where they did before it, and what came meanwhile goes by the environment's policy.
void go_back(v1::DeploymentSpec& deployment, std::uint32_t good);

// For people: that the environment was rolled back, and how builds get in again. Empty where it was not.
std::string held_back(const v1::DeploymentSpec& deployment);

// The deployment that a candidate waits for; null spec: there is none.
struct SourceDeployment {
  const v1::DeploymentSpec* spec = nullptr;
  const v1::DeploymentStatus* status = nullptr;
};

enum class CandidateFate { kWait, kPromote, kAskApproval };

struct CandidateDecision {
  CandidateFate fate = CandidateFate::kWait;
  std::optional<WallTime> due;  // when time alone may change the decision
  std::string message;          // what it waits for
};

// What becomes of the candidate of `now` under the policy as it is today.
CandidateDecision decide_candidate(const v1::DeploymentSpec& now, const v1::BuildPolicy& policy,
                                   const SourceDeployment& source, WallTime time);

}  // namespace qleet::hub::controllers
