// What the kinds of templates share.
#pragma once

#include "common/engine/host.h"
#include "common/engine/host_network.h"
#include "providers/container/mounts.h"
#include "providers/container/prober.h"
#include "providers/container/provider.h"
#include "providers/container/restarts.h"

namespace qleet::container {

// Thread-safe.
class Context : public containers::Host {
 public:
  Context(Options options, const Clock& clock);

  const Clock& clock() const { return clock_; }
  Mounts& mounts() { return mounts_; }
  Prober& prober() { return prober_; }
  Restarts& restarts() { return restarts_; }

 private:
  const Clock& clock_;
  Mounts mounts_;
  Restarts restarts_;
  Prober prober_;  // last: its threads use what stands above
};

}  // namespace qleet::container
