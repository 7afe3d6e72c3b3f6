#include "providers/container/logs.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "providers/container/names.h"

namespace qleet::container {

namespace {

// Events tell of new containers; without a watch on the engine nobody hears them.
constexpr Millis kLookAgain{2'000};

std::string source_of(const containers::Container& container) {
  const std::string part = label(container.labels, labels::kContainer);
  return part.empty() ? container.name
                      : fmt::format("{}/{}", label(container.labels, labels::kReplica), part);
}

}  // namespace

Result<> stream_logs(Context& context, const ProviderResource& resource, bool follow, unsigned tail,
                     const std::function<bool(LogLine)>& sink) {
  std::mutex sink_mutex;
  std::stop_source enough;
  const auto read = [&](const containers::Container& container, unsigned lines) {
    const std::string source = source_of(container);
    return context.client().logs(container.id, {.follow = follow, .tail = lines}, enough.get_token(),
                                 [&](containers::Stream, std::string_view line) {
                                   const std::lock_guard lock(sink_mutex);
                                   if (enough.stop_requested()) return false;
                                   const bool more = sink({source, std::string(line)});
                                   if (!more) enough.request_stop();
                                   return more;
                                 });
  };
  if (!follow) {
    for (const auto& container : TRY(context.client().list(selector(resource)))) {
      if (enough.stop_requested()) break;
      TRY(read(container, tail));
    }
    return {};
  }

  std::mutex mutex;
  std::condition_variable_any changed;
  bool look = false;
  std::set<std::string> reading;
  std::set<std::string> ended;
  const auto subscription = context.notifier().subscribe([&](const std::string& name) {
    if (name != resource.name) return;
    const std::lock_guard lock(mutex);
    look = true;
    changed.notify_all();
  });
  bool first = true;
  std::vector<std::jthread> readers;
  while (!enough.stop_requested()) {
    const auto found = context.client().list(selector(resource));
    std::unique_lock lock(mutex);
    bool some = !found;  // an engine that is away says nothing about what is left
    for (const auto& container : found.value_or(std::vector<containers::Container>{})) {
      // One that ended is read again when it runs again; its old lines were told already.
      const bool again = ended.contains(container.id);
      if (!again || container.running()) some = true;
      if (reading.contains(container.id) || (again && !container.running())) continue;
      reading.insert(container.id);
      readers.emplace_back([&, container,
                            lines = again   ? 1U
                                    : first ? tail
                                            : 0U] {
        (void)read(container, lines);
        const std::lock_guard inner(mutex);
        reading.erase(container.id);
        ended.insert(container.id);
        look = true;
        changed.notify_all();
      });
    }
    if (!some && reading.empty()) break;
    first = false;
    changed.wait_for(lock, enough.get_token(), kLookAgain, [&] { return look; });
    look = false;
  }
  enough.request_stop();
  readers.clear();
  return {};
}

}  // namespace qleet::container
