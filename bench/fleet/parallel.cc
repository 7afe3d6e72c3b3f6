#include "bench/fleet/parallel.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/fleet/process.h"

namespace qleet::bench {

double share(size_t threads, size_t count, size_t step, const std::function<void(const TakeNumber&)>& work) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::string problem;
  const TakeNumber take = [&]() -> std::optional<size_t> {
    const size_t number = next.fetch_add(step);
    return failed || number >= count ? std::nullopt : std::optional(number);
  };
  const auto begin = Steady::now();
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      try {
        work(take);
      } catch (const std::exception& e) {
        const std::lock_guard lock(mutex);
        problem = e.what();
        failed = true;
      }
    });
  }
  for (auto& thread : running) thread.join();
  if (failed) fail_with(problem);
  return seconds_since(begin);
}

}  // namespace qleet::bench
