// Per region: digest and position of what its agent shall hold. Derived from the store and nothing else; kept
// up to date by the change log, rebuilt from a snapshot at start or when the log was compacted.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock/clock.h"
#include "common/sync/digest.h"
#include "hub/store/store.h"

namespace qleet::hub {

struct RegionView {
  Revision position = 0;  // of the last change to a resource of the region
  sync::Digest digest;
  size_t resources = 0;
  MonoTime changed_at{};  // when this process saw that last change, or a removal
};

// A change of what an agent shall hold (not one of status).
struct SpecChange {
  std::string region;
  std::string name;
  Revision revision = 0;
  Revision prev_position = 0;  // of the region, before it
  std::string value;           // the Resource, serialized
};

// One thread changes it; `region` may be called by any.
class DesiredIndex {
 public:
  // Everything from a snapshot. On an error nothing has changed. Returns the regions whose digest or position
  // differs from before.
  Result<std::vector<std::string>> rebuild(const Reader& reader, MonoTime now);
  // One change of the log, of any key, in order. nullopt: an agent need not hear of it.
  Result<std::optional<SpecChange>> apply(const Change& change, MonoTime now);

  // A region without resources is all zero.
  RegionView region(std::string_view name) const;
  std::vector<std::string> regions_changed_after(Revision revision) const;
  size_t resources() const;

 private:
  struct Region {
    RegionView view;
    std::unordered_map<std::string, sync::Digest> entries;
  };
  using Regions = std::map<std::string, Region, std::less<>>;
  static Region& region_in(Regions& regions, std::string_view name);

  mutable std::mutex mutex_;
  Regions regions_;
};

}  // namespace qleet::hub
