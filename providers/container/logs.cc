#include "providers/container/logs.h"

#include <fmt/format.h>

#include <utility>

#include "common/engine/log_follower.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

std::string source_of(const containers::Container& container) {
  const std::string part = label(container.labels, labels::kContainer);
  return part.empty() ? container.name
                      : fmt::format("{}/{}", label(container.labels, labels::kReplica), part);
}

}  // namespace

Result<> stream_logs(Context& context, const ProviderResource& resource, const LogWish& wish,
                     const std::function<bool(const LogLine&)>& sink) {
  const auto list = [&]() -> Result<std::vector<containers::LogSource>> {
    std::vector<containers::LogSource> sources;
    for (const auto& container : TRY(context.client().list(selector(resource))))
      sources.push_back({container.id, source_of(container), container.running()});
    return sources;
  };
  const auto watch = [&](std::function<void()> changed) {
    return context.notifier().subscribe(
        [name = resource.name, changed = std::move(changed)](const std::string& about) {
          if (about == name) changed();
        });
  };
  return containers::read_logs(context.client(), wish, list, watch, sink);
}

}  // namespace qleet::container
