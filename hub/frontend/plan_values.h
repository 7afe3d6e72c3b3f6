// Which of the values in a plan come from an environment (Environment.spec.applications), for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::frontend {

// What to put behind a change at `path` of the resource's template: " (environment prod)" where it gives the
// value there afterwards, " (no longer given by environment prod)" where it did before; else nothing.
Result<std::string> origin_of(const Reader& before, const Reader& after, const std::string& resource,
                              const v1::ResourceSpec& spec, std::string_view path);

// The same of a workload that is new: "replicas 4 (environment prod)".
Result<std::vector<std::string>> given_by_environment(const Reader& after, const v1::ResourceSpec& spec);

}  // namespace qleet::hub::frontend
