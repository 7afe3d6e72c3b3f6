// What a workload's scene means for the one who wants it: its state, in words and numbers. Decides nothing
// else.
#pragma once

#include <map>
#include <string>

#include "providers/container/workload_scene.h"

namespace qleet::container {

// Without what is found out of its images: see `tell_images`.
Observation describe(Context& context, const ProviderResource& resource, const WorkloadScene& scene);

// Adds what is known of the images behind its tags, and whether it waits for them.
void tell_images(const ProviderResource& resource, const WorkloadScene& scene, Observation& seen);

// Digests are known here, and the hub has not chosen among the regions' yet.
std::string waits_for_hub(const std::map<std::string, std::string>& images);

}  // namespace qleet::container
