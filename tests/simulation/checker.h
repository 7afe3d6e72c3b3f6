// What must hold at every commit, at every deletion, and whenever somebody looks.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/model/model.h"
#include "hub/api/show.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"
#include "tests/simulation/cloud.h"
#include "tests/simulation/findings.h"
#include "tests/simulation/trace.h"

namespace qleet::sim {

// A change as everybody who follows the log must see it.
struct Told {
  hub::Revision revision;
  std::string key;
  char what;  // added, modified, deleted: by its first letter
};

class Checker {
 public:
  // All must outlive it.
  Checker(const Clock& clock, Trace& trace, Cloud& cloud, Findings& findings)
      : clock_(clock), trace_(trace), cloud_(cloud), findings_(findings) {}

  // What the store holds is to be judged from here on: another life of it, or the same one found again.
  void enter(const hub::Store& store);
  // After each commit.
  void committed(const hub::Store& store, hub::Revision revision);
  // Not a tombstone now, and of this provider.
  bool wants(const std::string& provider, const std::string& name) const;
  bool may_delete(const Thing& thing, std::uint32_t generation) const;

  // --- acknowledged writes ---------------------------------------------------------------------------
  // Key of an object -> its labels and spec; nullopt: it is deleted or being deleted.
  using Writes = std::map<std::string, std::optional<std::string>>;
  static std::string print(const google::protobuf::Message& object);
  void acknowledge(const Writes& writes);
  // The answer never came: all of it holds, or nothing.
  void uncertain(const hub::Store& store, const Writes& writes);
  void check_writes(const hub::Store& store) const;
  const Writes& expected() const { return expected_; }
  void set_expected(Writes writes) { expected_ = std::move(writes); }
  // Somebody asked for it himself: it may become a tombstone although its time has not come.
  void asked_to_delete(const std::string& resource) { asked_.insert(resource); }
  // Somebody is about to ask that the data of an application go with it.
  void asked_for_data(const hub::Store& store, const std::string& application);
  // Objects were applied: what an application asks for is wanted again.
  void wanted_again(const hub::Store& store, const Writes& writes);

  // --- what is shown -----------------------------------------------------------------------------------
  // `silent_since`: agents' regions that this hub has not heard since then. `dead_after`: they must be shown
  // so.
  void check_shown(const hub::Store& store, const hub::api::Shower& shower,
                   const std::map<std::string, MonoTime>& heard, Millis dead_after) const;

  // Everything that was committed in this life of the store.
  const std::vector<Told>& told() const { return told_; }
  hub::Revision life_began() const { return life_began_; }

 private:
  struct Stated {
    bool deleted = false;
    std::string provider;
    std::string hash;
    MonoTime at{};
  };
  struct Known {
    std::string uid;
    std::uint32_t generation = 0;
    bool deleted = false;
  };
  void see_resource(const hub::Store& store, const hub::Change& change);
  bool made_since(const Thing& thing, MonoTime said) const;
  bool was_ready(const std::string& name, std::uint32_t generation) const;
  void see_release(const hub::Change& change);
  void see_deployment(const hub::Store& store, const hub::Change& change);
  void became_tombstone(const hub::Store& store, const v1::Resource& resource);
  void check_data(const hub::Reader& reader, const v1::Resource& resource, bool by_name);

  const Clock& clock_;
  Trace& trace_;
  Cloud& cloud_;
  Findings& findings_;
  hub::Revision last_ = 0;
  hub::Revision life_began_ = 0;
  std::vector<Told> told_;
  std::map<std::string, Known> known_;  // resources of this life
  std::map<std::string, v1::Resource> last_state_;
  std::map<std::string, v1::ReleaseSpec> releases_;
  std::map<std::pair<std::string, std::uint32_t>, std::vector<Stated>> stated_;  // of every life
  Writes expected_;
  std::set<std::string> asked_;
  std::set<std::string> asked_data_;  // resources whose data may go
};

}  // namespace qleet::sim
