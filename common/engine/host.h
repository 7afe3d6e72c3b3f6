// A container host as its providers use it: the engine, what is told about it, and what several of them need.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/engine/client.h"
#include "common/engine/endings.h"
#include "common/engine/jobs.h"
#include "common/engine/limits.h"
#include "common/engine/notifier.h"
#include "common/engine/watcher.h"
#include "common/thread/mutex.h"

namespace qleet::containers {

struct HostOptions {
  std::string socket;  // of the engine: find_engine, or PodmanService::socket
  // Credentials for an image's registry; may be empty. Called on any thread.
  std::function<std::optional<RegistryAuth>(std::string_view image)> registry_auth;
  // Told, on any thread, when the engine did not answer in time; may be empty.
  std::function<void()> timed_out;
  CallEnded call_ended = {};
};

// Thread-safe.
class Host {
 public:
  explicit Host(HostOptions options);

  Client& client() { return client_; }
  Notifier& notifier() { return notifier_; }
  Jobs& jobs() { return jobs_; }
  const Endings& endings() const { return endings_; }

  // Tells `changed` of every resource whose world may have changed, until the handle goes.
  std::shared_ptr<void> watch(Notifier::Changed changed);

  // The agent's network on this host, made when it is missing. `subnet` empty: a free one. When it is made
  // again while containers are still on the one that was removed, every resource is told to look: see
  // `astray`.
  Result<> ensure_network(const std::string& owner, const std::string& subnet, const Labels& labels);

  // The network as it is now; remembered for `astray`.
  Result<Network> look_at_network(const std::string& name);

  // Whether the container's address is not in the network of that name as it was seen last: the network was
  // removed and made again, and the container is still on the old bridge, where no name is found.
  bool astray(const std::string& network, const NetworkEndpoint& endpoint);

  // Nothing once the image is here; else how far its pull is. Errors: ImageMissing, ImageRefused.
  Result<std::optional<std::string>> ensure_image(const std::string& image, const std::string& resource);

  // Pulls it, whether it is here or not; the same job as that of ensure_image. `done` is called on a thread
  // of its own when it has been pulled. What the last one ended with is told once.
  Jobs::State pull(const std::string& image, const std::string& resource, std::function<void()> done = {});

  // Has the resource that keeps the owner's network look at it.
  void look_at_host(const std::string& owner);

  // Stops and removes it in the background; true once it is gone.
  Result<bool> take_away(const std::string& name, Millis grace, const std::string& resource);

  // Limits for containers whose template names none.
  Limits limits();
  // The engine refused those: lower ones from now on. False: there are none lower.
  bool lower_limits(const Limits& refused);

 private:
  // True where it was made.
  Result<bool> make_network(const std::string& owner, const std::string& subnet, const Labels& labels);
  // Subnets of the addresses that this owner's containers have in it.
  Result<std::vector<std::string>> subnets_in_use(const std::string& owner, const std::string& network);

  HostOptions options_;
  Client client_;
  Notifier notifier_;
  Endings endings_;
  Mutex network_mutex_;  // one at a time makes networks
  Mutex seen_mutex_;
  std::map<std::string, Network> seen_networks_ GUARDED_BY(seen_mutex_);  // by name
  Mutex limits_mutex_;
  std::optional<Limits> limits_ GUARDED_BY(limits_mutex_);
  Jobs jobs_;  // last: its threads use what stands above
};

}  // namespace qleet::containers
