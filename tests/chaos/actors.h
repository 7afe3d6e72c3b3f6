// The clients of a storm: each carries out its steps, one after the other, and asks again until it has an
// answer.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/chaos/api.h"
#include "tests/chaos/record.h"

namespace qleet::chaos {

// Since the storm began. Thread-safe.
class StormClock {
 public:
  long millis() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_)
        .count();
  }
  void wait_until(long millis) const {
    std::this_thread::sleep_until(begun_ + std::chrono::milliseconds(millis));
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

class Actors {
 public:
  // All must outlive it.
  Actors(const Api& api, const Program& program, const StormClock& clock);
  ~Actors();
  bool done() const { return left_ == 0; }
  // Gives up what has no answer by now.
  std::vector<Answer> stop();

 private:
  void act(int actor);
  Answer carry_out(std::size_t index);
  Api::Reply send(const Step& step) const;
  // A roll back names a release by its number: the one with this content.
  Api::Reply roll_back(const Step& step) const;
  std::string not_shown(const Step& step);
  long revision_now();

  const Api& api_;
  const Program& program_;
  const StormClock& clock_;
  std::atomic<int> left_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<Answer> answers_;
  std::vector<std::thread> threads_;
};

}  // namespace qleet::chaos
