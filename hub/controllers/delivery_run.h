// One application on its way from a change to releases, and to what its environments want: what releases.h
// does is made of these steps. Within the caller's transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/work.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::controllers {

using ProfilePin = std::tuple<std::string, std::string, std::uint32_t>;  // environment, profile, generation

// Both outlive it.
class Delivery {
 public:
  Delivery(Work& work, v1::Application& app) : work_(work), app_(app) {}

  // First. Everything below is about what it read.
  Result<> load();
  // Makes a release where there is to be one.
  Result<> publish(const Cause& cause);
  // Writes one, the next in number, which is the newest from then on.
  Result<> record(const v1::ReleaseSpec& spec);
  // Offers the newest release to every environment.
  Result<> offer_all(const Cause& cause);
  // Marks deployments of environments that the application no longer wants.
  Result<> drop_unwanted();
  Result<std::vector<v1::DeliveryAnswer>> answers();

  std::optional<v1::Release> head_;
  std::map<std::string, v1::Deployment> deployments_;
  std::map<std::string, std::optional<v1::Environment>> environments_;
  std::map<std::string, std::string> states_;   // environment -> answer
  std::map<std::string, std::string> reasons_;  // environment -> why that is the answer
  std::vector<std::string> warnings_;
  std::vector<std::string> stays_;  // at builds, whatever image the file names now: sentences

 private:
  Result<> draft(const Cause& cause);
  Result<std::set<ProfilePin>> current_pins(const v1::ApplicationSpec& definition);
  Result<bool> profiles_changed(const std::set<ProfilePin>& pins);
  Result<bool> any_asks_for_roles();
  Result<std::set<ProfilePin>> not_asked_for(const std::set<ProfilePin>& pins);
  Result<bool> may_differ();
  bool looks_again(const Cause& cause) const;
  bool any_rolled_back() const;
  Result<> raise_orders(std::vector<v1::PinnedImage>& pins, const v1::BuildSpec& build);
  void warn_of_remembered(const v1::ApplicationSpec& written, const std::vector<v1::PinnedImage>& before,
                          const std::vector<v1::PinnedImage>& pins);
  void warn_of_followed(const v1::ApplicationSpec& before, const v1::ApplicationSpec& written,
                        const std::vector<v1::PinnedImage>& pins);
  bool has_already(const v1::BuildSpec& build) const;
  std::string why_unchanged(const Cause& cause) const;
  void waits(const std::string& environment, const v1::DeploymentSpec& spec);
  v1::Deployment& deployment(const std::string& environment);

  Work& work_;
  v1::Application& app_;
  std::optional<v1::ReleaseSpec> fresh_;
  std::vector<v1::PinnedImage> pinned_;  // by builds, in the newest release before
};

}  // namespace qleet::hub::controllers
