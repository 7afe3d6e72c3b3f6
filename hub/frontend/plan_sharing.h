// What a plan says of who has a resource: whom it is shared with, and what a renamed workload takes over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::frontend {

// Who needs a resource, but for `except` (name of a resource): "web" for a workload, "postgres main" for
// others; of what applications share with the application's name, "shop/web".
Result<std::vector<std::string>> user_labels(const Reader& reader, const std::string& resource,
                                             std::string_view except = {});

// "shares redis sessions with cart/web", "takes over volume web.uploads": of what the resource `name` needs
// from now on. What is for a whole environment or region is left out.
Result<std::vector<std::string>> newly_held(const Reader& before, const Reader& after,
                                            const std::string& name, const v1::ResourceSpec& spec_before,
                                            const v1::ResourceSpec& spec_after);

}  // namespace qleet::hub::frontend
