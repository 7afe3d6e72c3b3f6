// What the kinds of templates share.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/engine/host.h"
#include "common/engine/host_network.h"
#include "common/thread/mutex.h"
#include "providers/container/mounts.h"
#include "providers/container/prober.h"
#include "providers/container/provider.h"
#include "providers/container/restarts.h"

namespace qleet::container {

// Which tags a resource has looked up again: a round is a generation with an image. Forgotten by an agent
// that restarts, which looks once more. Thread-safe.
class LookUps {
 public:
  bool done(const std::string& resource, const std::string& round) const;
  void note(const std::string& resource, const std::string& round);
  void forget(const std::string& resource);

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::set<std::string>> rounds_ GUARDED_BY(mutex_);  // by resource
};

// Thread-safe.
class Context : public containers::Host {
 public:
  Context(Options options, const Clock& clock);

  // Ten hex digits over what a workload's containers are made of: all of its template but what only says how
  // many there are and how they are replaced. So scaling restarts nothing. Keyed, since it stands in a label.
  Result<std::string> revision_of(const ProviderResource& resource);

  // The same for a template that is not this resource's own.
  Result<std::string> revision_of(google::protobuf::Struct template_);

  // Shared with pulls, which may end after this.
  const std::shared_ptr<LookUps>& look_ups() const { return look_ups_; }

  // Before a start of `container`, which was created: its files (mounts.h, by key and part) go to whom it
  // runs as.
  Result<> hand_over_files(const std::string& container, const std::string& key, const std::string& part,
                           const ProcessSpec& process);

  const Clock& clock() const { return clock_; }
  Mounts& mounts() { return mounts_; }
  // Where paths inside volumes are shown while a container starts (sub_paths.h).
  const std::filesystem::path& places() const { return places_; }
  Prober& prober() { return prober_; }
  Restarts& restarts() { return restarts_; }

 private:
  const Clock& clock_;
  std::filesystem::path key_file_;
  Mutex key_mutex_;
  std::string key_ GUARDED_BY(key_mutex_);
  const std::shared_ptr<LookUps> look_ups_ = std::make_shared<LookUps>();
  std::filesystem::path places_;
  Mounts mounts_;
  Restarts restarts_;
  Prober prober_;  // last: its threads use what stands above
};

}  // namespace qleet::container
