// A Store implementation, as the conformance suite needs it: one per test.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "hub/store/store.h"

namespace qleet::hub {

class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  // Drops the change log's revisions before this one.
  virtual Result<> compact(Revision before) = 0;
  // Closes a durable store and opens it again.
  virtual void reopen() {}
};

struct StoreImplementation {
  std::string name;
  // With a change log of at most so many entries.
  std::function<std::unique_ptr<StoreHarness>(size_t max_log_entries)> make;
};

inline std::ostream& operator<<(std::ostream& out, const StoreImplementation& implementation) {
  return out << implementation.name;
}

}  // namespace qleet::hub
