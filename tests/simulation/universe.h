// What a history's people write: environments, profiles, regions and applications that share and nest
// dependencies in every way there is, as JSON documents.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/simulation/dice.h"

namespace qleet::sim {

struct RegionDraft {
  std::string name;
  std::string tier;
  std::string zone;
  bool cordoned = false;
};

struct EnvironmentDraft {
  std::string name;
  std::string selector;
  unsigned count = 0;
  unsigned max_at_once = 0;
  std::string level = "one";
  std::string by = "auto";
  std::string after;  // another environment
  std::string unused_after;
  bool protects_data = false;
  std::string repushed = "ignore";
  std::string deadline;  // of rollouts; empty: the default
  std::string on_failure = "rollback";
  // Of the first workload of every application, in place of what that says itself; 0: nothing is said.
  unsigned replicas = 0;
  std::string extra;
};

struct ProfileDraft {
  std::string name;
  unsigned revision = 1;
  std::string provider = "cloud";
  bool needs_server = true;  // db alone
  std::string after = "20s";
  std::string keeps_data;  // "true", "false"; empty: not said
};

// The state of what operators have written, and random next versions of it.
class Universe {
 public:
  explicit Universe(Dice& dice);

  std::string everything() const;  // regions left out: they come with their agents
  // A change of one of them, as it then is.
  std::string change_profile();
  std::string change_environment();
  std::string change_region();
  // All environments, none of which protects its data any more.
  std::string unprotected();
  // All environments, in none of which a release may be on its way for ever.
  std::string bounded();
  // Some version of the application; workloads, resources and environments at random.
  std::string application(const std::string& name);

  const std::vector<RegionDraft>& regions() const { return regions_; }
  const std::vector<std::string>& applications() const { return applications_; }
  // What a workload is told that shall never become ready.
  static constexpr const char* kDeaf = "DEAF";
  static std::string image(const std::string& application, const std::string& workload);

 private:
  std::string json(const RegionDraft& region) const;
  std::string json(const EnvironmentDraft& environment) const;
  std::string json(const ProfileDraft& profile) const;
  std::string workload(const std::string& application, const std::string& name);

  Dice& dice_;
  std::vector<RegionDraft> regions_;
  std::vector<EnvironmentDraft> environments_;
  std::vector<ProfileDraft> profiles_;
  std::vector<std::string> applications_{"shop", "blog", "mail", "wiki"};
};

}  // namespace qleet::sim
