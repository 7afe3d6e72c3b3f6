// What shall be, as the test itself knows it from what it asked for: an oracle that shares no code with the
// hub.
#pragma once

#include <map>
#include <set>
#include <string>

namespace qleet::chaos {

struct WorkloadWish {
  long mark = 0;  // of the step that changed it last; stands in its variables
  int replicas = 1;
  bool database = false;
  std::string cache;  // id of a redis that the environment shares; empty: none
  bool route = false;
  bool operator==(const WorkloadWish&) const = default;
};

struct AppWish {
  long mark = 0;  // of the step that applied it last; stands in its annotations
  std::set<std::string> environments;
  std::map<std::string, WorkloadWish> workloads;
  bool operator==(const AppWish&) const = default;
};

struct Wish {
  std::map<std::string, AppWish> apps;
  std::map<std::string, std::string> environments;  // name -> tier of its regions; empty: all regions
  std::map<std::string, std::string> regions;       // name -> tier
};

// Resource name -> what can be seen of its content in the world ("" where it is always the same).
using Wanted = std::map<std::string, std::string>;
Wanted wanted(const Wish& wish);

// The document that asks for it.
std::string yaml(const std::string& name, const AppWish& app);
// What a workload's content shows.
std::string shown_mark(const WorkloadWish& workload);
inline constexpr const char* kMarkAnnotation = "storm.test/mark";

}  // namespace qleet::chaos
