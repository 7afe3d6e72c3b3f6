// What a field of the schema means, from the schema and its comments: no hub is asked.
#pragma once

#include <string>
#include <vector>

#include "common/result/result.h"

namespace qleet::cli {

// `path`: "app", "app.spec.workloads.replicas"; the keys of maps and "[]" may stand in it or be left out.
// `recursive`: the names of all fields below as well. kInvalid names the nearest field.
Result<std::string> explain_field(const std::string& path, bool recursive);

// Names of the fields below; none where the path is no field, or has none.
std::vector<std::string> fields_below(const std::string& path);

}  // namespace qleet::cli
