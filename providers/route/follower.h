// Follows the endpoints of workloads and leads the routes' traffic after them, at once and without the
// engine: a replica is not ended before every route has let go of it, nor a workload before somebody has
// taken over its routes where somebody does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"
#include "providers/api/endpoints.h"
#include "providers/route/router.h"

namespace qleet::route {

// What the board says of the workload of an entry.
Sight sight_of(const EndpointBoard& board, const Entry& entry);

// Why the route leads nowhere although replicas are there: its port is none of the service's. Empty where it
// is, and where no replica can be asked.
std::string lacking_port(const EndpointBoard& board, const Entry& entry);

// Thread-safe.
class Follower {
 public:
  // `board` must outlive it. `changed`: what lacking_port says of that route's resource has changed; any
  // thread, must not block.
  Follower(EndpointBoard& board, std::function<void(const std::string& resource)> changed);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // A backend is one route to one workload. Nothing happens where it is followed already.
  void follow(const Entry& entry, std::shared_ptr<Router> router);
  void forget(const std::string& backend);
  // Leads once more, e.g. after a restart of haproxy.
  void again(const std::string& backend);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Followed {
    Entry entry;
    std::shared_ptr<Router> router;
    std::shared_ptr<void> handle;
    std::optional<Time> due;
    std::string lacks = {};  // as lacking_port said last
  };
  void run();
  struct Next {
    bool gone = false;
    std::optional<Millis> pause;  // look again then
  };
  Next lead(const Followed& followed);

  EndpointBoard& board_;
  const std::function<void(const std::string&)> changed_;
  Mutex mutex_;
  Condition wake_;
  std::map<std::string, Followed> routes_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace qleet::route
