// How coroutines of the server wait for other threads. Asio: for the server's own files alone.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>

#include "common/thread/mutex.h"

namespace qleet::hub::api {

namespace asio = boost::asio;
using boost::system::error_code;

using Executor = asio::strand<asio::io_context::executor_type>;

// Lets a coroutine wait for something that another thread does. Owned by coroutines of one strand.
class Signal : public std::enable_shared_from_this<Signal> {
 public:
  explicit Signal(const Executor& executor) : executor_(executor), timer_(executor) {}

  // From any thread.
  void notify() {
    asio::post(executor_, [self = shared_from_this()] {
      self->set_ = true;
      self->timer_.cancel();
    });
  }

  // Until notify or the deadline; consumes the notification.
  asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point deadline) {
    if (!set_) {
      timer_.expires_at(deadline);
      error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    set_ = false;
  }

 private:
  Executor executor_;
  asio::steady_timer timer_;
  bool set_ = false;
};

constexpr auto kNever = std::chrono::steady_clock::time_point::max();

// Lets foreign threads reach signals for as long as the io context lives, and no longer.
class Gate {
 public:
  void notify(const std::weak_ptr<Signal>& signal) {
    const MutexLock lock(mutex_);
    if (!open_) return;
    if (const auto locked = signal.lock()) locked->notify();
  }
  void close() {
    const MutexLock lock(mutex_);
    open_ = false;
  }

 private:
  Mutex mutex_;
  bool open_ GUARDED_BY(mutex_) = true;
};

}  // namespace qleet::hub::api
