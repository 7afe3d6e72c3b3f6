// What the kinds of templates share.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/engine/client.h"
#include "common/engine/limits.h"
#include "providers/container/jobs.h"
#include "providers/container/mounts.h"
#include "providers/container/notifier.h"
#include "providers/container/prober.h"
#include "providers/container/provider.h"
#include "providers/container/restarts.h"

namespace qleet::container {

// Thread-safe.
class Context {
 public:
  Context(Options options, const Clock& clock);

  containers::Client& client() { return client_; }
  const Clock& clock() const { return clock_; }
  Mounts& mounts() { return mounts_; }
  Notifier& notifier() { return notifier_; }
  Jobs& jobs() { return jobs_; }
  Prober& prober() { return prober_; }
  Restarts& restarts() { return restarts_; }

  // The agent's network on this host, made when it is missing. `subnet` empty: a free one.
  Result<> ensure_network(const std::string& owner, const std::string& subnet,
                          const containers::Labels& labels);

  // Nothing once the image is here; else how far its pull is. Errors: ImageMissing, ImageRefused.
  Result<std::optional<std::string>> ensure_image(const std::string& image, const std::string& resource);

  // Stops and removes it in the background; true once it is gone.
  Result<bool> take_away(const std::string& name, Millis grace, const std::string& resource);

  // Limits for containers whose template names none.
  containers::Limits limits();
  // The engine refused those: lower ones from now on. False: there are none lower.
  bool lower_limits(const containers::Limits& refused);

 private:
  Options options_;
  const Clock& clock_;
  containers::Client client_;
  Mounts mounts_;
  Notifier notifier_;
  Restarts restarts_;
  std::mutex network_mutex_;
  std::mutex limits_mutex_;
  std::optional<containers::Limits> limits_;
  // Last: their threads use what stands above.
  Jobs jobs_;
  Prober prober_;
};

// A subnet of 256 addresses in 10.128.0.0/9 that touches none of `used` ("10.0.0.0/8"); the search starts at
// a place given by `seed`, so that two hosts' agents do not all take the first.
std::string choose_subnet(std::string_view seed, const std::vector<std::string>& used);

// Those of the host's own interfaces and routes.
std::vector<std::string> host_subnets();

// PortInUse when another process listens there already. Asked before a start, since an engine that fails to
// bind takes down the rules of whoever holds the port (netavark 1.4).
Result<> check_port_free(const PortSpec& port);

}  // namespace qleet::container
