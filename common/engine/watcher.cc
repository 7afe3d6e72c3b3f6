#include "common/engine/watcher.h"

#include <algorithm>
#include <array>

#include "common/clock/clock.h"
#include "common/engine/ownership.h"
#include "common/log/log.h"
#include "common/thread/mutex.h"

namespace qleet::containers {

namespace {
constexpr log::Logger kLog{"container"};
constexpr Millis kFirstDelay{100};
constexpr Millis kLongestDelay{5'000};
}  // namespace

bool matters(const Event& event) {
  static constexpr std::array<std::string_view, 17> kActions = {
      "die",    "died",    "stop",       "start", "restart", "remove", "destroy", "pause", "unpause",
      "rename", "connect", "disconnect", "oom",   "kill",    "update", "delete",  "untag"};
  if (event.type == "image") return false;
  return std::ranges::find(kActions, event.action) != kActions.end();
}

Watcher::Watcher(Client& client, Notifier& notifier, Endings& endings)
    : client_(client),
      notifier_(notifier),
      endings_(endings),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Watcher::~Watcher() {
  thread_.request_stop();
  thread_.join();
}

void Watcher::tell(const Event& event) {
  endings_.note(event);
  if (!matters(event)) return;
  std::string resource = label(event.attributes, labels::kResource);
  if (resource.empty()) resource = notifier_.resource_of(event.name);
  if (resource.empty()) resource = notifier_.resource_of(event.id);
  if (resource.empty() && event.type == "network") {
    // Podman names the container there, Docker the network and, among the attributes, the container.
    const std::string container = label(event.attributes, "container");
    const auto details = client_.inspect(container.empty() ? event.id : container);
    if (details) resource = label(details->labels, labels::kResource);
  }
  if (!resource.empty()) notifier_.notify(resource);
}

void Watcher::run(const std::stop_token& stop) {
  Mutex mutex;
  Condition wake;
  Millis delay = kFirstDelay;
  bool first = true;
  while (!stop.stop_requested()) {
    const auto listened = client_.events(
        stop,
        [&] {
          delay = kFirstDelay;
          for (const auto& resource : notifier_.resources()) notifier_.notify(resource);
        },
        [&](const Event& event) {
          tell(event);
          return !stop.stop_requested();
        });
    if (stop.stop_requested()) return;
    if (!listened && first) {
      kLog.warn("container engine is away, waiting for it", {{"error", listened.error().message}});
    }
    first = listened.has_value();
    // Whoever depends on the engine is to be told that it is away.
    if (delay == kFirstDelay) {
      for (const auto& resource : notifier_.resources()) notifier_.notify(resource);
    }
    MutexLock lock(mutex);
    wake.wait_for(lock, stop, delay, [] { return false; });
    delay = std::min(delay * 2, kLongestDelay);
  }
}

}  // namespace qleet::containers
