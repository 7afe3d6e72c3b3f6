// Work that takes longer than one step may: pulling an image, waiting for a process to end.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "common/result/result.h"
#include "common/thread/mutex.h"

namespace qleet::containers {

// Thread-safe. One thread a job; they are stopped and joined with it.
class Jobs {
 public:
  // `finished` is called after each job with the resources that wait for it.
  explicit Jobs(std::function<void(const std::string& resource)> finished) : finished_(std::move(finished)) {}
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  using Report = std::function<void(std::string_view progress)>;
  using Work = std::function<Result<>(std::stop_token, const Report&)>;

  struct State {
    bool running = false;
    std::string progress;
    std::optional<Error> error;  // of one that has ended; told once
  };

  // Starts `work` unless one of that key runs already; then `resource` waits for that one too. What the last
  // one ended with is told first, and the next call starts anew.
  State run(const std::string& key, const std::string& resource, Work work);
  // Nothing is started.
  State look(const std::string& key) const;

 private:
  struct Job {
    std::jthread thread;
    bool running = true;
    std::string progress;
    std::optional<Error> error;
    std::set<std::string> waiting;
  };
  void work(const std::string& key, std::stop_token stop, const Work& work);

  std::function<void(const std::string&)> finished_;
  mutable Mutex mutex_;
  std::map<std::string, Job> jobs_ GUARDED_BY(mutex_);
};

}  // namespace qleet::containers
