// Follows the endpoints of workloads and leads the routes' traffic after them, at once and without the
// engine: a replica is not ended before every route has let go of it, nor a workload before somebody has
// taken over its routes where somebody does.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/clock/clock.h"
#include "providers/api/endpoints.h"
#include "providers/route/router.h"

namespace qleet::route {

// What the board says of the workload of an entry.
Sight sight_of(const EndpointBoard& board, const Entry& entry);

// Thread-safe.
class Follower {
 public:
  // `board` must outlive it.
  explicit Follower(EndpointBoard& board);
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
  };
  void run();
  struct Next {
    bool gone = false;
    std::optional<Millis> pause;  // look again then
  };
  Next lead(const Followed& followed);

  EndpointBoard& board_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Followed> routes_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qleet::route
