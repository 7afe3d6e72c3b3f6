#include "bench/fleet/watch.h"

#include "cli/sse.h"

namespace qleet::bench {

Watch::Watch(std::unique_ptr<cli::HubClient> client, std::string path,
             std::function<std::string(const std::string&)> ready)
    : client_(std::move(client)),
      path_(std::move(path)),
      name_if_ready_(std::move(ready)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Watch::~Watch() {
  thread_.request_stop();
  thread_.join();
}

void Watch::run(const std::stop_token& stop) {
  cli::SseReader reader([this](const cli::SseEvent& event) {
    const auto now = Steady::now();
    if (event.name == "deleted") return;
    const auto name = name_if_ready_(event.data);
    if (name.empty()) return;
    const std::lock_guard lock(mutex_);
    ready_.emplace(name, now);
    changed_.notify_all();
  });
  while (!stop.stop_requested()) {
    (void)client_->stream(
        path_,
        [&](std::string_view data) {
          reader.feed(data);
          return !stop.stop_requested();
        },
        stop);
  }
}

Steady::time_point Watch::ready(const std::string& name, std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [&] { return ready_.contains(name); }))
    fail_with(name + " was not ready within " + std::to_string(limit.count()) + " s");
  return ready_[name];
}

void Watch::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ready_.erase(name);
}

}  // namespace qleet::bench
