// How containers ended that the engine has started again since: it keeps nothing of that in what it shows of
// a container that runs.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/engine/types.h"
#include "common/thread/mutex.h"

namespace qleet::containers {

struct Ending {
  int exit_code = 0;
  bool out_of_memory = false;  // the kernel ended a process of it: its memory limit was reached
};

// Thread-safe. In memory alone: what ended before an agent's restart is not known after it.
class Endings {
 public:
  void note(const Event& event);
  std::optional<Ending> last(const std::string& container_id) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, Ending> endings_ GUARDED_BY(mutex_);  // by container
  std::set<std::string> out_of_memory_ GUARDED_BY(mutex_);  // the engine said so, and they have not ended yet
};

// Of one that does not run.
Ending ending_of(const ContainerDetails& container);

}  // namespace qleet::containers
