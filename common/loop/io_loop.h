// One thread that waits for sockets, times and other threads, for as many connections as wanted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet {

class IoLoop {
 public:
  // What waits on a descriptor.
  class Source {
   public:
    virtual ~Source() = default;
    // `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. Loop thread.
    virtual void ready(unsigned events) = 0;
  };
  // 0: none.
  using TimerId = std::uint64_t;

  // `clock` must outlive it.
  explicit IoLoop(const Clock& clock);
  // Runs what was posted; drops timers.
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // Serves until stop(), on the calling thread; once.
  void run();
  // Any thread; run() returns soon.
  void stop();
  // Any thread: `function` runs on the loop's, in the order of posting.
  void post(std::function<void()> function);
  bool on_loop_thread() const { return std::this_thread::get_id() == thread_.load(); }
  const Clock& clock() const { return clock_; }

  // These on the loop's thread, or before run().
  // `source` must stay until forget(). False: the kernel refuses.
  bool watch(int descriptor, unsigned events, Source& source);
  void change(int descriptor, unsigned events);
  // Before the descriptor is closed. `source` is not called any more.
  void forget(int descriptor);
  TimerId at(MonoTime due, std::function<void()> function);
  void cancel(TimerId id);
  // For reading into, within one call of a source.
  std::vector<char>& scratch() { return scratch_; }

 private:
  struct Watched {
    Source* source = nullptr;
    std::uint32_t life = 0;  // tells the present use of a descriptor's number from earlier ones
  };
  void run_posted();
  MonoTime run_timers();

  const Clock& clock_;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::atomic<std::thread::id> thread_{};
  std::vector<Watched> watched_;  // by descriptor
  std::map<std::pair<MonoTime, TimerId>, std::function<void()>> timers_;
  std::map<TimerId, MonoTime> timer_times_;
  TimerId last_timer_ = 0;
  std::vector<char> scratch_;

  Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

// A loop that runs on a thread of its own until it is destroyed.
class IoThread {
 public:
  explicit IoThread(const Clock& clock) : loop_(clock), thread_([this] { loop_.run(); }) {}
  ~IoThread() {
    loop_.stop();
    thread_.join();
  }
  IoLoop& loop() { return loop_; }

 private:
  IoLoop loop_;
  std::thread thread_;
};

}  // namespace qleet
