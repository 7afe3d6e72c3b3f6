// Which keys a change of an object touches. The cost follows from what is touched, through the x/ indexes.
// And in which regions the status of a deployment may have changed: where it runs in hundreds, only those are
// looked at.
#pragma once

#include <map>
#include <set>
#include <string>

#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "hub/controllers/work_queue.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// Regions of deployments that are to be looked at; under no name, those that environments may gain or lose.
// Thread-safe. In memory: a hub that starts looks at all.
class TouchedRegions {
 public:
  void add(const std::string& deployment, const std::string& region);
  void add(const std::string& deployment, const std::set<std::string>& regions);
  std::set<std::string> take(const std::string& deployment);

 private:
  Mutex mutex_;
  std::map<std::string, std::set<std::string>> regions_ GUARDED_BY(mutex_);
};

// Use by one thread at a time.
class ChangeMap {
 public:
  // `reader` is at the change's revision or newer. Each kStatus key comes with a region in `touched`.
  Result<std::set<Key>> keys_of(const Reader& reader, const Change& change, TouchedRegions& touched);
  // What can be said by its name alone, where the change or what it points to cannot be read.
  static std::set<Key> keys_by_name(const Change& change, TouchedRegions& touched);
  // Regions and environments as they were at `upto`, when everything had been looked at; all else
  // that was seen is forgotten. What cannot be read counts as not seen.
  Result<> restore(const Reader& reader, Revision upto);

 private:
  Result<> region(const Reader& reader, const Change& change, std::set<Key>& keys, TouchedRegions& touched);
  // Who may have to go to or from the region.
  Result<> places(const Reader& reader, const Change& change, std::set<Key>& keys, TouchedRegions& touched);
  Result<> resource(const Reader& reader, const Change& change, std::set<Key>& keys, TouchedRegions& touched);
  Result<> profile(const Reader& reader, const Change& change, std::set<Key>& keys);

  // Labels and cordon of regions as last seen: most changes of a region are of its status. Nothing but a
  // saving.
  std::map<std::string, std::string, std::less<>> seen_regions_;
  // And what deployments show of their agents: each region is that of hundreds.
  std::map<std::string, std::string, std::less<>> seen_connections_;
  std::map<std::string, std::string, std::less<>> seen_environments_;  // their specs
  // What deployments show of resources that several share, as last seen: most reports change nothing of that,
  // and thousands may share one. A saving, too.
  std::map<std::string, std::string, std::less<>> seen_shared_;
};

}  // namespace qleet::hub::controllers
