#include "hub/api/worker_pool.h"

#include <cstdint>
#include <utility>

namespace qleet::hub::api {

WorkerPool::WorkerPool(unsigned threads, size_t queue_limit) : queue_limit_(queue_limit) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(std::function<void()> job) { return push(std::move(job), queue_limit_); }

bool WorkerPool::submit_admitted(std::function<void()> job) { return push(std::move(job), SIZE_MAX); }

bool WorkerPool::push(std::function<void()> job, size_t limit) {
  {
    const MutexLock lock(mutex_);
    if (stopped_ || queue_.size() >= limit) return false;
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  std::deque<std::function<void()>> dropped;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

size_t WorkerPool::waiting() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

void WorkerPool::run() {
  for (;;) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      changed_.wait(lock, [this]() REQUIRES(mutex_) { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace qleet::hub::api
