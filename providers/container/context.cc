#include "providers/container/context.h"

namespace qleet::container {

Context::Context(Options options, const Clock& clock)
    : Host({.socket = options.socket, .registry_auth = options.registry_auth}),
      clock_(clock),
      mounts_(options.state / "mounts"),
      restarts_(clock),
      prober_([this](const ProbeTarget& t) { return probe(client(), t.check, t.address, t.container); },
              [this](const std::string& resource) { notifier().notify(resource); }) {}

}  // namespace qleet::container
