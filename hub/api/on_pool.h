// What a thread of the pool makes for a coroutine. Asio: for http_connection*.cc alone.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "common/log/log.h"
#include "hub/api/coroutine_signal.h"
#include "hub/api/worker_pool.h"

namespace qleet::hub::api {

// Newcomers find the pool's queue full sometimes; what is part of work that was let in is always taken.
enum class Admission { kNewcomer, kAdmitted };

// What `make` gives, on a thread of the pool. Exceptions are bugs; they cost one answer (`otherwise` stands
// in for it), not the hub. nullopt: the pool takes no more.
template <class T, class Make>
asio::awaitable<std::optional<T>> on_pool(WorkerPool& pool, Admission admission, Executor executor, Make make,
                                          T (*otherwise)()) {
  struct Pending {
    std::shared_ptr<Signal> done;
    std::atomic<bool> ready = false;
    T value;  // valid once ready
  };
  auto pending = std::make_shared<Pending>(std::make_shared<Signal>(executor));
  auto job = [pending, make = std::move(make), otherwise] {
    try {
      pending->value = make();
    } catch (const std::exception& e) {
      log::Logger{"api"}.error("handler threw", {{"error", e.what()}});
      pending->value = otherwise();
    }
    pending->ready = true;
    pending->done->notify();
  };
  const bool taken =
      admission == Admission::kAdmitted ? pool.submit_admitted(std::move(job)) : pool.submit(std::move(job));
  if (!taken) co_return std::nullopt;
  while (!pending->ready) co_await pending->done->wait_until(kNever);
  co_return std::move(pending->value);
}

}  // namespace qleet::hub::api
