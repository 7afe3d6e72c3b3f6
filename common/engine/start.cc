#include "common/engine/start.h"

#include "common/log/log.h"

namespace qleet::containers {
namespace {

constexpr log::Logger kLog{"engine-client"};

// Podman says that it does not run, and names its process all the same.
bool cut_off(const ContainerDetails& container) {
  return !container.running() && container.state != "paused" && container.state != "exited" &&
         container.pid > 0;
}

}  // namespace

Result<> start_or_discard(Client& client, std::string_view container) {
  auto started = client.start(container);
  if (started) return {};
  const auto details = client.inspect(container);
  if (details && cut_off(*details)) {
    kLog.warn("a start of this container was cut off: it is made anew",
              {{"container", std::string(container)}});
    TRY(client.remove(container));
  }
  return started;
}

}  // namespace qleet::containers
