#include "common/loop/io_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace qleet {
namespace {

constexpr size_t kScratch = 64 * 1024;
constexpr std::uint64_t kWakeup = UINT64_MAX;
constexpr Millis kLongestWait{60'000};

std::uint64_t pack(int descriptor, std::uint32_t life) {
  return (static_cast<std::uint64_t>(life) << 32U) | static_cast<std::uint32_t>(descriptor);
}

}  // namespace

IoLoop::IoLoop(const Clock& clock)
    : clock_(clock),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      scratch_(kScratch) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeup}};
  if (epoll_ < 0 || wakeup_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll");
}

IoLoop::~IoLoop() {
  // What these hold may still speak to this loop on its way out.
  run_posted();
  timers_.clear();
  ::close(wakeup_);
  ::close(epoll_);
}

void IoLoop::post(std::function<void()> function) {
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(function));
  }
  // The loop looks at what was posted before it waits.
  if (first && !on_loop_thread()) ::eventfd_write(wakeup_, 1);
}

void IoLoop::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wakeup_, 1);
}

bool IoLoop::watch(int descriptor, unsigned events, Source& source) {
  const auto index = static_cast<size_t>(descriptor);
  if (watched_.size() <= index) watched_.resize(index + 1);
  auto& watched = watched_[index];
  epoll_event event{.events = events, .data = {.u64 = pack(descriptor, ++watched.life)}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
  watched.source = &source;
  return true;
}

void IoLoop::change(int descriptor, unsigned events) {
  epoll_event event{.events = events,
                    .data = {.u64 = pack(descriptor, watched_[static_cast<size_t>(descriptor)].life)}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void IoLoop::forget(int descriptor) {
  watched_[static_cast<size_t>(descriptor)].source = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

IoLoop::TimerId IoLoop::at(MonoTime due, std::function<void()> function) {
  const TimerId id = ++last_timer_;
  timers_.emplace(std::pair(due, id), std::move(function));
  timer_times_.emplace(id, due);
  return id;
}

void IoLoop::cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

void IoLoop::run_posted() {
  std::vector<std::function<void()>> posted;
  {
    const MutexLock lock(mutex_);
    posted.swap(posted_);
  }
  for (auto& function : posted) {
    function();
    function = nullptr;
  }
}

MonoTime IoLoop::run_timers() {
  const MonoTime now = clock_.mono();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto due = timers_.extract(timers_.begin());
    timer_times_.erase(due.key().second);
    due.mapped()();
  }
  return timers_.empty() ? MonoTime::max() : timers_.begin()->first.first;
}

void IoLoop::run() {
  thread_ = std::this_thread::get_id();
  std::array<epoll_event, 256> events{};
  for (;;) {
    run_posted();
    const MonoTime due = run_timers();
    Millis wait =
        due == MonoTime::max() ? kLongestWait : std::clamp(due - clock_.mono(), Millis(0), kLongestWait);
    {
      const MutexLock lock(mutex_);
      if (stopping_) break;
      if (!posted_.empty()) wait = Millis(0);
    }
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == kWakeup) {
        eventfd_t ignored = 0;
        ::eventfd_read(wakeup_, &ignored);
        continue;
      }
      const auto& watched = watched_[event.data.u64 & UINT32_MAX];
      if (watched.source != nullptr && watched.life == event.data.u64 >> 32U)
        watched.source->ready(event.events);
    }
  }
  thread_ = std::thread::id();
}

}  // namespace qleet
