#include "common/loop/loop.h"

#include <algorithm>

namespace qleet {

void Wake::operator()() {
  const MutexLock lock(mutex_);
  if (target_) target_();
}

void Wake::set(std::function<void()> target) {
  const MutexLock lock(mutex_);
  target_ = std::move(target);
}

LoopThread::LoopThread(Stepper& stepper, Wake& wake, const Clock& clock)
    : stepper_(stepper), wake_(wake), clock_(clock) {
  wake_.set([this] {
    {
      const MutexLock lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  });
  thread_ = std::thread([this] { run(); });
}

LoopThread::~LoopThread() {
  wake_.set({});
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LoopThread::run() {
  constexpr Millis kLongest{60'000};
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    const MonoTime due = stepper_.step();
    MutexLock lock(mutex_);
    const Millis wait =
        std::clamp(std::chrono::duration_cast<Millis>(due - clock_.mono()), Millis(0), kLongest);
    changed_.wait_for(lock, wait, [this]() REQUIRES(mutex_) { return woken_ || stopping_; });
  }
}

}  // namespace qleet
