// What shall be, as the test itself knows it from what it asked for: an oracle that shares no code with the
// hub. docs/resolution.md says in words what it computes here: names, releases, what an environment wants.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace qleet::chaos {

struct WorkloadWish {
  long mark = 0;   // of the step that changed it last; stands in its variables
  long build = 0;  // of the step that told of its image; 0: the image that the application names
  int replicas = 1;
  bool database = false;
  std::string cache;  // id of a redis that the environment shares; empty: none
  bool route = false;
  bool operator==(const WorkloadWish&) const = default;
};

// What a release holds.
using Content = std::map<std::string, WorkloadWish>;

// An application as it was applied.
struct AppWish {
  long mark = 0;  // of the step that applied it last; stands in its annotations
  std::set<std::string> environments;
  Content workloads;
  bool operator==(const AppWish&) const = default;
};

struct EnvironmentWish {
  std::string tier;  // of its regions; empty: all regions
  bool approval = false;
};

struct Wish {
  std::map<std::string, AppWish> apps;
  std::map<std::string, EnvironmentWish> environments;
  std::map<std::string, std::string> regions;                       // name -> tier
  std::map<std::string, Content> head;                              // by application: its newest release
  std::map<std::string, std::map<std::string, Content>> deployed;   // by application and environment
  std::map<std::string, std::map<std::string, Content>> candidate;  // the same: what waits for approval
  std::map<std::string, std::map<std::string, long>> builds;        // by application and workload: the newest
  std::map<std::string, std::set<std::string>> held;  // by application: environments that were rolled back

  // What each step does to it.
  void apply(const std::string& name, const AppWish& app);
  void erase(const std::string& name);
  void build(const std::string& name, const std::string& workload, long mark);
  void approve(const std::string& name, const std::string& environment);
  void roll_back(const std::string& name, const Content& to);

 private:
  void release(const std::string& name);
};

// Resource name -> words that its content in the world holds.
using Wanted = std::map<std::string, std::vector<std::string>>;
Wanted wanted(const Wish& wish);
bool holds(const std::string& shown, const std::vector<std::string>& words);

// The documents and requests that ask for it.
std::string yaml(const std::string& name, const AppWish& app);
std::string yaml(const std::string& name, const EnvironmentWish& environment, long mark);
std::string region_yaml(const std::string& name, const std::string& tier, long mark);
// The profile of postgres with another content: what exists is changed.
std::string profile_yaml(long mark);
std::string build_json(const std::string& app, const std::string& workload, long mark);
// The environment whose workloads are real containers, in the region of that tier.
inline constexpr const char* kReal = "real";
inline constexpr const char* kMarkAnnotation = "storm.test/mark";

std::string mark_word(long mark);    // in a workload's variables
std::string build_word(long build);  // in its image

}  // namespace qleet::chaos
