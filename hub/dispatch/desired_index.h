// Per region: digest and position of what its agent shall hold. Derived from the store and nothing else: of a
// region from a snapshot when it is first needed, and from then on by the change log. What nobody needs is
// not read, so a hub starts as fast with a million resources as with none.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock/clock.h"
#include "common/sync/digest.h"
#include "common/thread/mutex.h"
#include "hub/store/store.h"

namespace qleet::hub {

struct RegionView {
  Revision position = 0;  // of the last change to a resource of the region
  sync::Digest digest;
  size_t resources = 0;
  MonoTime changed_at{};  // when this process saw that last change, or a removal; zero: it has seen none
};

// A change of what an agent shall hold (not one of status).
struct SpecChange {
  std::string region;
  std::string name;
  Revision revision = 0;
  Revision prev_position = 0;  // of the region, before it
  std::string value;           // the Resource, serialized
};

// One thread changes it; `region` and `ask` may be called by any.
class DesiredIndex {
 public:
  // `asked` is called, by any thread, when a region is asked for that is not known; it must not wait.
  explicit DesiredIndex(std::function<void()> asked = [] {}) : asked_(std::move(asked)) {}

  // One change of the log, of any key, in order. nullopt: an agent need not hear of it, or its region is not
  // known, or was built from a snapshot that has it. kInternal: it cannot be read, and counts as not there.
  Result<std::optional<SpecChange>> apply(const Change& change, MonoTime now);
  // Makes a region known, as of the reader's revision. The log was given to `apply` up to `followed` or
  // further, and not beyond the reader. Returns what has changed since `followed`, as it is now: what the log
  // holds of that is never told again. On an error nothing has changed.
  Result<std::vector<SpecChange>> build(const Reader& reader, const std::string& region, Revision followed,
                                        MonoTime now);
  // Nothing is known any more.
  void forget();
  // Unknown regions that were asked for since this was called last.
  std::set<std::string> take_asked();

  // nullopt: not known. One that is known and has no resources is all zero.
  std::optional<RegionView> region(std::string_view name) const;
  // The same, and one that is not known will soon be.
  std::optional<RegionView> ask(std::string_view name);
  // How many regions are known.
  size_t regions() const;

 private:
  struct Region {
    RegionView view;
    Revision built_at = 0;  // changes up to there are in it
    std::unordered_map<std::string, sync::Digest> entries;
  };

  // It cannot be read as of that revision, and so states nothing.
  void forget_resource(const std::string& name, Revision revision, MonoTime now);

  const std::function<void()> asked_;
  mutable Mutex mutex_;
  std::map<std::string, Region, std::less<>> regions_ GUARDED_BY(mutex_);
  std::set<std::string> wanted_ GUARDED_BY(mutex_);
};

// Whether anything that the region's agent shall hold was changed after this revision.
Result<bool> changed_after(const Reader& reader, std::string_view region, Revision revision);

}  // namespace qleet::hub
