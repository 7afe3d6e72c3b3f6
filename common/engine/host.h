// A container host as its providers use it: the engine, what is told about it, and what several of them need.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/engine/client.h"
#include "common/engine/jobs.h"
#include "common/engine/limits.h"
#include "common/engine/notifier.h"
#include "common/engine/watcher.h"

namespace qleet::containers {

struct HostOptions {
  std::string socket;  // of the engine: find_engine, or PodmanService::socket
  // Credentials for an image's registry; may be empty. Called on any thread.
  std::function<std::optional<RegistryAuth>(std::string_view image)> registry_auth;
};

// Thread-safe.
class Host {
 public:
  explicit Host(HostOptions options);

  Client& client() { return client_; }
  Notifier& notifier() { return notifier_; }
  Jobs& jobs() { return jobs_; }

  // Tells `changed` of every resource whose world may have changed, until the handle goes.
  std::shared_ptr<void> watch(Notifier::Changed changed);

  // The agent's network on this host, made when it is missing. `subnet` empty: a free one.
  Result<> ensure_network(const std::string& owner, const std::string& subnet, const Labels& labels);

  // Nothing once the image is here; else how far its pull is. Errors: ImageMissing, ImageRefused.
  Result<std::optional<std::string>> ensure_image(const std::string& image, const std::string& resource);

  // Pulls it, whether it is here or not; the same job as that of ensure_image. `done` is called on a thread
  // of its own when it has been pulled. What the last one ended with is told once.
  Jobs::State pull(const std::string& image, const std::string& resource, std::function<void()> done = {});

  // Stops and removes it in the background; true once it is gone.
  Result<bool> take_away(const std::string& name, Millis grace, const std::string& resource);

  // Limits for containers whose template names none.
  Limits limits();
  // The engine refused those: lower ones from now on. False: there are none lower.
  bool lower_limits(const Limits& refused);

 private:
  HostOptions options_;
  Client client_;
  Notifier notifier_;
  std::mutex network_mutex_;
  std::mutex limits_mutex_;
  std::optional<Limits> limits_;
  Jobs jobs_;  // last: its threads use what stands above
};

}  // namespace qleet::containers
