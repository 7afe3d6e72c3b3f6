#include "common/engine/jobs.h"

namespace qleet::containers {

Jobs::~Jobs() {
  {
    const MutexLock lock(mutex_);
    for (auto& [key, job] : jobs_) job.thread.request_stop();
  }
  // Their ends still look for themselves in the map, so it stays until all are joined.
  for (auto& [key, job] : jobs_) {
    if (job.thread.joinable()) job.thread.join();
  }
}

Jobs::State Jobs::run(const std::string& key, const std::string& resource, Work work) {
  const MutexLock lock(mutex_);
  const auto it = jobs_.find(key);
  if (it != jobs_.end()) {
    Job& job = it->second;
    if (job.running) {
      job.waiting.insert(resource);
      return {.running = true, .progress = job.progress};
    }
    State state{.error = std::move(job.error)};
    job.thread.join();
    jobs_.erase(it);
    if (state.error) return state;
  }
  Job& job = jobs_[key];
  job.waiting.insert(resource);
  job.thread = std::jthread(
      [this, key, task = std::move(work)](std::stop_token stop) { this->work(key, std::move(stop), task); });
  return {.running = true};
}

Jobs::State Jobs::look(const std::string& key) const {
  const MutexLock lock(mutex_);
  const auto it = jobs_.find(key);
  if (it == jobs_.end()) return {};
  return {.running = it->second.running, .progress = it->second.progress, .error = it->second.error};
}

void Jobs::work(const std::string& key, std::stop_token stop, const Work& work) {
  const auto report = [&](std::string_view progress) {
    const MutexLock lock(mutex_);
    jobs_[key].progress = progress;
  };
  Result<> result = work(std::move(stop), report);
  std::set<std::string> waiting;
  {
    const MutexLock lock(mutex_);
    Job& job = jobs_[key];
    job.running = false;
    if (!result) job.error = std::move(result).error();
    waiting = std::move(job.waiting);
  }
  for (const auto& resource : waiting) finished_(resource);
}

}  // namespace qleet::containers
