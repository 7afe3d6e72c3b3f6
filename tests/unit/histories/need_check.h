// The store beside the reference model of need, now and against what was seen before.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/histories/need.h"
#include "tests/unit/histories/scene.h"
#include "tests/unit/histories/traffic.h"

namespace qleet::hub::tests {

// Called after everything that happens, when the controllers have nothing left to do.
class NeedCheck {
 public:
  // `erased`: resources that an agent reported gone since the last look; `by_hand`: one that an operator
  // deleted; `with_data`: an application that somebody deleted with its data. What is wrong, in words; empty:
  // nothing.
  std::vector<std::string> look(const Scene& scene, const std::set<std::string>& erased,
                                const std::string& by_hand, const std::string& with_data = {});
  // Whether it stays when its grace period is over, as its profile and class say.
  static bool stays(const Reader& reader, const v1::ResourceSpec& resource);
  // In the end, when nobody needs anything.
  static std::vector<std::string> look_for_leaks(const Scene& scene);

 private:
  struct Track {
    std::string uid;
    std::uint32_t generation = 0;
    bool deleted = false;
    std::optional<WallTime> unused_from;  // the first look at which nobody needed it
    std::uint64_t grace_ms = 0;           // as it was then
    std::set<std::string> applications;   // that need it, at the last look
    bool asked = false;                   // somebody asked that its data go, and nobody used it since
  };
  // What the oracle knows of the data in a resource: from its profile, not from what the hub made of it.
  struct Data {
    bool keeps = false;     // goes only when somebody asks for it
    bool retained = false;  // goes only by name
    bool is_protected = false;
  };

  void complain(const std::string& what) { wrong_.push_back(what); }
  static Data data_of(const Reader& reader, const v1::ResourceSpec& resource);
  void marks(const Reader& reader, const Need& need, const std::string& name, const v1::Resource& resource);
  void data(const Reader& reader, const Need& need, const std::string& name, const v1::Resource& resource,
            const std::string& by_hand);
  void story(const Need& need, const std::string& name, const v1::Resource& resource,
             const std::string& by_hand);
  void leave_to_ask(const std::string& name, const v1::Resource& resource);
  void keys(const Reader& reader, const Need& need);
  void returns(const Reader& reader);
  void meetings(const Reader& reader, const Need& need);
  bool may_be_needed_soon(const v1::ResourceSpec& resource) const;

  Parsed parsed_;
  Traffic traffic_;
  WallTime now_{};
  std::vector<v1::Deployment> deployments_;
  std::map<std::string, Track> tracks_;
  std::set<std::string> marks_;  // keys of x/unused that must be there
  std::vector<std::string> wrong_;
};

}  // namespace qleet::hub::tests
