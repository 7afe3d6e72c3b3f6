#include "agent/engine/executor.h"

#include <chrono>
#include <thread>
#include <utility>

namespace qleet::agent {
namespace {

constexpr std::chrono::seconds kIdleLife{10};

}  // namespace

ThreadExecutor::ThreadExecutor(unsigned max_threads) : max_threads_(max_threads) {}

ThreadExecutor::~ThreadExecutor() {
  MutexLock lock(mutex_);
  stopping_ = true;
  queue_.clear();
  work_ready_.notify_all();
  all_ended_.wait(lock, [&]() REQUIRES(mutex_) { return threads_ == 0; });
}

void ThreadExecutor::run(std::function<void()> work) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  if (idle_ < queue_.size() && threads_ < max_threads_) {
    // Ends are awaited by count, so that an idle thread can end without anyone joining it.
    std::thread([this] { serve(); }).detach();
    ++threads_;
  }
  work_ready_.notify_one();
}

void ThreadExecutor::serve() {
  MutexLock lock(mutex_);
  while (true) {
    ++idle_;
    const bool woken = work_ready_.wait_for(lock, kIdleLife,
                                            [&]() REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_ || !woken) break;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
  --threads_;
  // Under the lock: the destructor may free the executor as soon as it is released.
  if (threads_ == 0) all_ended_.notify_all();
}

}  // namespace qleet::agent
