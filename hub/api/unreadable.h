// Objects that a list came upon and could not read: counted and logged once, however often they are listed.
#pragma once

#include <map>
#include <string>

#include "common/thread/mutex.h"
#include "hub/store/store.h"

namespace qleet::hub::api {

// Thread-safe. Remembers so many at most; more are logged each time.
class UnreadableObjects {
 public:
  void note(const std::string& key, Revision revision, const std::string& why);
  size_t count() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, Revision> known_ GUARDED_BY(mutex_);
};

// A name for a header: a key may be damaged, too.
std::string printable(std::string_view name);

}  // namespace qleet::hub::api
