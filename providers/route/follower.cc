#include "providers/route/follower.h"

#include "common/log/log.h"

namespace qleet::route {

namespace {
constexpr log::Logger kLog{"route"};
constexpr Millis kWhileBusy{50};
constexpr Millis kAfterFailure{500};
}  // namespace

Follower::Follower(EndpointBoard& board) : board_(board), thread_([this] { run(); }) {}

Follower::~Follower() {
  std::map<std::string, Followed> routes;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    routes.swap(routes_);
  }
  wake_.notify_all();
  thread_.join();
}

void Follower::follow(const std::string& route, const Entry& entry, std::shared_ptr<Router> router) {
  std::shared_ptr<void> before;
  {
    const std::lock_guard lock(mutex_);
    Followed& followed = routes_[route];
    if (followed.handle && followed.workload == entry.workload && followed.port == entry.port &&
        followed.router == router) {
      return;
    }
    before = std::move(followed.handle);
    followed.workload = entry.workload;
    followed.port = entry.port;
    followed.router = std::move(router);
  }
  // Outside of the lock: the board calls back. The old one goes first, it has the same name there.
  before.reset();
  auto handle = board_.follow(entry.workload, route, [this, route] { again(route); });
  {
    const std::lock_guard lock(mutex_);
    const auto it = routes_.find(route);
    if (it != routes_.end()) it->second.handle = std::move(handle);
  }
  again(route);
}

void Follower::forget(const std::string& route) {
  std::shared_ptr<void> handle;  // goes after the lock: the board calls back
  const std::lock_guard lock(mutex_);
  const auto it = routes_.find(route);
  if (it == routes_.end()) return;
  handle = std::move(it->second.handle);
  routes_.erase(it);
}

void Follower::again(const std::string& route) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = routes_.find(route);
    if (it == routes_.end()) return;
    it->second.due = std::chrono::steady_clock::now();
  }
  wake_.notify_all();
}

std::optional<Millis> Follower::lead(const std::string& route, const Followed& followed) {
  const auto set = board_.get(followed.workload);
  if (!set) return std::nullopt;  // nothing is known yet: haproxy keeps what it has
  std::vector<Target> targets;
  for (const auto& endpoint : set->ready) {
    const auto port = endpoint.ports.find(followed.port);
    if (port != endpoint.ports.end()) targets.push_back({endpoint.ip, port->second});
  }
  const auto done = followed.router->lead(route, targets);
  if (!done) {
    kLog.debug("cannot lead traffic yet", {{"route", route}, {"error", done.error().message}});
    return kAfterFailure;
  }
  if (!*done) return kWhileBusy;
  board_.applied(followed.workload, route, set->version);
  return std::nullopt;
}

void Follower::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto next = routes_.end();
    for (auto it = routes_.begin(); it != routes_.end(); ++it) {
      if (it->second.due && (next == routes_.end() || *it->second.due < *next->second.due)) next = it;
    }
    if (next == routes_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (*next->second.due > std::chrono::steady_clock::now()) {
      wake_.wait_until(lock, *next->second.due);
      continue;
    }
    next->second.due.reset();
    const std::string route = next->first;
    Followed followed = next->second;
    lock.unlock();
    const auto pause = lead(route, followed);
    followed.handle.reset();
    lock.lock();
    const auto it = routes_.find(route);
    if (pause && it != routes_.end() && !it->second.due)
      it->second.due = std::chrono::steady_clock::now() + *pause;
  }
}

}  // namespace qleet::route
