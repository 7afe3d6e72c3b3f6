// The store beside the reference model of need, now and against what was seen before.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/histories/need.h"
#include "tests/unit/histories/scene.h"

namespace qleet::hub::tests {

// Called after everything that happens, when the controllers have nothing left to do.
class NeedCheck {
 public:
  // `erased`: resources that an agent reported gone since the last look; `by_hand`: one that an operator
  // deleted. What is wrong, in words; empty: nothing.
  std::vector<std::string> look(const Scene& scene, const std::set<std::string>& erased,
                                const std::string& by_hand);
  // In the end, when nobody needs anything.
  static std::vector<std::string> look_for_leaks(const Scene& scene);

 private:
  struct Track {
    std::string uid;
    std::uint32_t generation = 0;
    bool deleted = false;
    std::optional<WallTime> unused_from;  // the first look at which nobody needed it
    v1::WhenUnusedPolicy policy;          // as it was then
  };

  void complain(const std::string& what) { wrong_.push_back(what); }
  void marks(const Need& need, const std::string& name, const v1::Resource& resource);
  void story(const Need& need, const std::string& name, const v1::Resource& resource,
             const std::string& by_hand);
  void leave_to_ask(const std::string& name, const v1::Resource& resource);
  void keys(const Reader& reader, const Need& need);
  bool may_be_needed_soon(const v1::ResourceSpec& resource) const;

  Parsed parsed_;
  WallTime now_{};
  std::vector<v1::Deployment> deployments_;
  std::map<std::string, Track> tracks_;
  std::set<std::string> marks_;  // keys of x/unused that must be there
  std::vector<std::string> wrong_;
};

}  // namespace qleet::hub::tests
