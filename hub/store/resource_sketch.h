// The few fields of a stored Resource that most who read it want, without building the message: templates are
// most of a resource, and a hub starts with all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/result/result.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {

// Views into the bytes that it was read from.
struct ResourceSketch {
  std::string_view name;
  std::string_view uid;
  std::uint32_t generation = 0;
  std::string_view region;
  std::string_view type;
  std::string_view id;
  std::string_view profile;
  std::uint32_t profile_generation = 0;
  std::string_view hash;
  bool deleted = false;
  bool data_may_go = false;
  bool resolves_images = false;  // it asks for its images' digests
  std::string_view params;       // serialized
  std::string_view status;       // serialized

  // kInternal where it is none.
  Result<v1::ResourceStatus> read_status() const;
  // Of its params, where they name a number of replicas.
  std::optional<std::uint32_t> replicas() const;
};

// kInternal where the bytes are not a Resource.
Result<ResourceSketch> sketch(std::string_view serialized);

}  // namespace qleet::hub
