// Who needs what, worked out anew from the objects alone: none of the hub's edges, marks or indexes is read.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::tests {

// What was parsed at the look before, so that only what changed since is parsed again.
class Parsed {
 public:
  std::shared_ptr<const v1::Resource> resource(const Entry& entry);
  std::shared_ptr<const v1::Release> release(const Reader& reader, const std::string& name);

 private:
  std::map<std::string, std::pair<Revision, std::shared_ptr<const v1::Resource>>> resources_;
  std::map<std::string, std::pair<Revision, std::shared_ptr<const v1::Release>>> releases_;
};

struct Need {
  std::map<std::string, std::shared_ptr<const v1::Resource>> resources;
  // (resource, user as in x/ref): a deployment needs the workloads of the release that a region was handed,
  // and whatever stands, a tombstone too, needs what its spec says that it depends on.
  std::set<std::pair<std::string, std::string>> edges;
  // By the name of its resource each workload of those, as it was asked for.
  std::map<std::string, std::pair<std::shared_ptr<const v1::Release>, std::string>> workloads;
  std::set<std::string> used;     // has a user
  std::set<std::string> serving;  // reached from a deployment: somebody's application runs on it
};

Need need_of(const Reader& reader, Parsed& parsed);

}  // namespace qleet::hub::tests
