#include "providers/route/follower.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "common/log/log.h"

namespace qleet::route {

namespace {
constexpr log::Logger kLog{"route"};
constexpr Millis kWhileBusy{50};
constexpr Millis kAfterFailure{500};
}  // namespace

Follower::Follower(EndpointBoard& board, std::function<void(const std::string&)> changed)
    : board_(board), changed_(std::move(changed)), thread_([this] { run(); }) {}

Follower::~Follower() {
  std::map<std::string, Followed> routes;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    routes.swap(routes_);
  }
  wake_.notify_all();
  thread_.join();
}

void Follower::follow(const Entry& entry, std::shared_ptr<Router> router) {
  const std::string backend = entry.backend;
  std::shared_ptr<void> before;
  {
    const MutexLock lock(mutex_);
    Followed& followed = routes_[backend];
    if (followed.handle && followed.router == router) return;
    before = std::move(followed.handle);
    followed.entry = entry;
    followed.router = std::move(router);
  }
  // Outside of the lock: the board calls back. The old one goes first, it has the same name there.
  before.reset();
  auto handle = board_.follow(entry.workload, backend, [this, backend] { again(backend); });
  {
    const MutexLock lock(mutex_);
    const auto it = routes_.find(backend);
    if (it != routes_.end()) it->second.handle = std::move(handle);
  }
  again(backend);
}

void Follower::forget(const std::string& backend) {
  std::shared_ptr<void> handle;  // goes after the lock: the board calls back
  const MutexLock lock(mutex_);
  const auto it = routes_.find(backend);
  if (it == routes_.end()) return;
  handle = std::move(it->second.handle);
  routes_.erase(it);
}

void Follower::again(const std::string& backend) {
  {
    const MutexLock lock(mutex_);
    const auto it = routes_.find(backend);
    if (it == routes_.end()) return;
    it->second.due = std::chrono::steady_clock::now();
  }
  wake_.notify_all();
}

Sight sight_of(const EndpointBoard& board, const Entry& entry) {
  Sight sight;
  sight.leaving = board.leaving(entry.workload);
  const auto set = board.get(entry.workload);
  if (!set) return sight;
  sight.targets.emplace();
  for (const auto& endpoint : set->ready) {
    const auto port = endpoint.ports.find(entry.port);
    if (port != endpoint.ports.end()) sight.targets->push_back({endpoint.ip, port->second});
  }
  return sight;
}

std::string lacking_port(const EndpointBoard& board, const Entry& entry) {
  const auto set = board.get(entry.workload);
  if (!set || set->ready.empty()) return {};
  std::set<std::uint16_t> ports;
  for (const auto& endpoint : set->ready) {
    for (const auto& [port, target] : endpoint.ports) ports.insert(port);
  }
  if (ports.contains(entry.port)) return {};
  if (ports.empty())
    return fmt::format("leads to port {}, and its workload has no service: give it one with that port",
                       entry.port);
  return fmt::format(
      "leads to port {}, which its workload's service does not have; it has {}: set port in the "
      "route's params, or add that port to the service",
      entry.port, fmt::join(ports, ", "));
}

Follower::Next Follower::lead(const Followed& followed) {
  const auto& entry = followed.entry;
  // The version first: a set that comes meanwhile is another one.
  const auto set = board_.get(entry.workload);
  // Where nothing is known yet, haproxy keeps what it has.
  const auto led = followed.router->lead(entry.backend, sight_of(board_, entry).targets);
  if (!led || led->error) {
    kLog.debug("cannot lead traffic yet",
               {{"route", entry.resource}, {"error", led ? led->error->message : led.error().message}});
  }
  if (!led) return {.pause = kAfterFailure};
  if (led->gone) return {.gone = true};
  if (led->released) board_.release(entry.workload, entry.backend);
  if (led->done && set) board_.applied(entry.workload, entry.backend, set->version);
  auto pause = led->again;
  const auto sooner = [&](Millis wait) { pause = pause ? std::min(*pause, wait) : wait; };
  if (led->error) {
    sooner(kAfterFailure);
  } else if (set && !led->done) {
    sooner(kWhileBusy);
  }
  return {.pause = pause};
}

void Follower::run() {
  MutexLock lock(mutex_);
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
    const std::string backend = next->first;
    Followed followed = next->second;
    lock.unlock();
    const auto [gone, pause] = lead(followed);
    followed.handle.reset();
    if (gone) forget(backend);
    auto lacks = gone ? std::string() : lacking_port(board_, followed.entry);
    if (lacks != followed.lacks) changed_(followed.entry.resource);
    lock.lock();
    const auto it = routes_.find(backend);
    if (it != routes_.end()) it->second.lacks = std::move(lacks);
    if (pause && it != routes_.end() && !it->second.due)
      it->second.due = std::chrono::steady_clock::now() + *pause;
  }
}

}  // namespace qleet::route
