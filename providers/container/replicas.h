// The replicas of a workload as they are on this host, by labels and never by memory.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "providers/container/ended.h"
#include "providers/container/kinds.h"
#include "providers/container/start_order.h"
#include "providers/container/template.h"

namespace qleet::container {

struct Part {
  std::string name;  // in Score
  containers::ContainerDetails details;
  unsigned restarts = 0;   // since it was made
  bool was_ready = false;  // in any of its lives; a one-shot: it ended well
  Starting::Asked asked = Starting::Asked::kNothing;
  Health readiness{.ok = true, .ever_ok = true};
  Health liveness{.ok = true, .ever_ok = true};
};

struct Replica {
  unsigned index = 0;
  std::string revision;
  bool current = false;
  WorkloadSpec spec;        // the one that it was made for
  std::vector<Part> parts;  // that whose network they share, then by name
  std::string ip;
  bool ready = false;
  bool broken = false;
  bool stopping = false;
  std::string reason;   // why it is not ready
  std::string message;  // the same for people

  std::string key() const { return revision + "." + std::to_string(index); }
};

// The name of one container's part of the files of its workload (mounts.h).
std::string part_of(const std::string& revision, unsigned index, const std::string& container);

// Keeps what a version asks for, so that its replicas are still judged by their own probes and ports once a
// newer one is wanted.
Result<> remember_version(Context& context, const ProviderResource& resource, const std::string& revision);

// Of both the wanted version and older ones, current ones first, then by index. Runs each check that has not
// been run yet. `also_current`: a container of another revision that is as wanted all the same.
Result<std::vector<Replica>> read_replicas(
    Context& context, const ProviderResource& resource, const std::string& revision, const WorkloadSpec& spec,
    const std::string& network,
    const std::function<bool(const containers::ContainerDetails&)>& also_current = {});

// How far its parts are, for start_order.h.
std::vector<PartView> views_of(const Replica& replica);

// Whether it ended with code 0 although nobody stopped it.
bool ended_well(const containers::ContainerDetails& details);

// A part started before the one whose network it shares was started again: it is cut off.
bool cut_off(const Part& part, const Part& owner);

}  // namespace qleet::container
