// Follows the endpoints of workloads and leads the routes' traffic after them, at once and without the
// engine: a replica is not ended before every route has let go of it.
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

// Thread-safe.
class Follower {
 public:
  // `board` must outlive it.
  explicit Follower(EndpointBoard& board);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Nothing happens where it follows the same already.
  void follow(const std::string& route, const Entry& entry, std::shared_ptr<Router> router);
  void forget(const std::string& route);
  // Leads once more, e.g. after a restart of haproxy.
  void again(const std::string& route);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Followed {
    std::string workload;
    std::uint16_t port = 0;
    std::shared_ptr<Router> router;
    std::shared_ptr<void> handle;
    std::optional<Time> due;
  };
  void run();
  // When to look again, if at all.
  std::optional<Millis> lead(const std::string& route, const Followed& followed);

  EndpointBoard& board_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Followed> routes_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qleet::route
