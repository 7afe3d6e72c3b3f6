// One handler per kind of template. Contracts are those of Provider.
#pragma once

#include <memory>

#include "providers/api/endpoints.h"
#include "providers/api/provider.h"
#include "providers/container/context.h"

namespace qleet::container {

class Handler {
 public:
  virtual ~Handler() = default;
  virtual Result<Observation> observe(const ProviderResource& resource) = 0;
  virtual Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) = 0;
  virtual Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) = 0;
};

// `context` must outlive them.
std::unique_ptr<Handler> make_host(Context& context);
std::unique_ptr<Handler> make_volume(Context& context);
std::unique_ptr<Handler> make_container(Context& context);
std::unique_ptr<Handler> make_exec(Context& context);
std::unique_ptr<Handler> make_workload(Context& context, EndpointBoard& board);

// Nothing, or what someone changed on a container of ours since it was made.
std::string drift_of(Context& context, const ProcessSpec& wanted, const std::string& network,
                     const containers::ContainerDetails& details);

// Volumes that a container mounts must be there: an engine would silently make empty ones. None that was made
// for another application, or by another agent; an operator's own, made by hand, may be mounted.
Result<> check_volumes(Context& context, const ProviderResource& resource, const ProcessSpec& process);

// One life of one container, for checks of it.
std::string life_of(const containers::ContainerDetails& details);

}  // namespace qleet::container
