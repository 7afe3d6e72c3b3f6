// The few fields of a stored Resource that dispatch looks at for every change, read without building the
// message: templates are most of a resource, and a hub starts with all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::hub {

struct ResourceSketch {
  std::string name;
  std::string uid;
  std::uint32_t generation = 0;
  std::string region;
  std::string hash;
  bool deleted = false;
};

// kInternal where the bytes are not a Resource.
Result<ResourceSketch> sketch(std::string_view serialized);

}  // namespace qleet::hub
