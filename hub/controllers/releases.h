// Delivery on the store: from an application and what changed about it to releases, and to what its
// deployments want. All within the caller's transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

struct Cause {
  std::string subject = "controllers";  // who
  std::optional<NamedBuild> build;      // what came; empty: look whether something changed
  bool asked = false;                   // somebody applied the application, changed or not
  // What it said before, where what was applied changed it.
  std::optional<v1::ApplicationSpec> before;
};

struct Delivered {
  std::vector<v1::DeliveryAnswer> answers;  // per environment, sorted by it
  std::vector<std::string> warnings;        // for people
};

// Makes a release where the application, a build or a profile calls for one (at most one), offers it to the
// application's environments, and marks the deployments of environments that it no longer wants. Does nothing
// when nothing changed, and says why. What an apply alone may replace (DeploymentSpec.rolled_back) waits for
// approval otherwise.
Result<Delivered> deliver(Work& work, const std::string& application, const Cause& cause);

struct Rollback {
  std::string application;
  std::string environment;       // empty: all
  std::uint32_t to_release = 0;  // 0: the newest one before that was ready
  std::string subject;
  bool force = false;  // also to one that was never ready
};

// A new release with the content of an old one, wanted at once; kConflict where that one was never ready in
// an environment that it is for, unless `force`. Where it is for one of several environments, later builds
// and applies go on from what was the newest release before. It stays until somebody applies or approves.
Result<std::vector<v1::DeliveryAnswer>> roll_back(Work& work, const Rollback& request);

// Makes the candidate of a deployment the wanted release. `release` 0: whichever waits. What was rolled back
// lets builds in again, also where nothing waits.
Result<v1::DeliveryAnswer> approve_candidate(Work& work, const std::string& application,
                                             const std::string& environment, std::uint32_t release,
                                             const std::string& subject);

// What time and other environments have decided about the candidates; when to look again.
Result<std::optional<WallTime>> settle_candidates(Work& work, const std::string& application);

// The application itself: its deployments' deletion while it is being deleted, its own end, its status.
Result<> settle_application(Work& work, const std::string& application);

std::string release_name(std::string_view application, std::uint32_t number);
std::string deployment_name(std::string_view application, std::string_view environment);
Result<std::optional<v1::Release>> get_release(const Reader& reader, std::string_view application,
                                               std::uint32_t number);

// Builds of this image that are known, however it was written, oldest first.
Result<std::vector<NamedBuild>> builds_of(const Reader& reader, std::string_view image);
// Derived from what identifies a build; all builds of one image share what comes before the first dot.
std::string build_name(const v1::BuildSpec& build);

}  // namespace qleet::hub::controllers
