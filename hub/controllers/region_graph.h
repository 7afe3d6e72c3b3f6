// What a deployment asks for in one region, beside what stands there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

struct RegionAsk {
  const v1::Deployment* deployment = nullptr;
  const v1::ReleaseSpec* release = nullptr;
  const v1::Environment* environment = nullptr;
  const v1::Region* region = nullptr;
  bool holds_release = false;  // this release was handed to the region before
};

struct RegionGraph {
  std::set<std::string> types;
  std::set<std::string> secrets;  // ids
  std::optional<Refusal> refusal;
  std::vector<std::pair<std::string, v1::ResourceSpec>> changed;  // to be written, dependencies first
  std::map<std::string, std::string> roots;                       // resource -> alias
  std::set<std::string> by_id;        // of those: new, and open to all who ask alike
  std::vector<Taken> taken;           // to be remembered
  std::vector<std::string> warnings;  // for people
  bool differs = false;               // something is to be written
};

// Resolves, and compares with the store. What several deployments share keeps its spec where another user
// asked for it with a newer profile; where they ask differently it is a ResourceConflict, which leaves the
// first alone.
Result<RegionGraph> graph_of(const Reader& reader, StoreProfiles& profiles, const RegionAsk& ask);

bool same_dependencies(const v1::ResourceSpec& a, const v1::ResourceSpec& b);

Result<> write_graph(Work& work, const RegionAsk& ask, const RegionGraph& graph);

}  // namespace qleet::hub::controllers
