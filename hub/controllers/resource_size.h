// What a resource takes on its way to its agent. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "common/sync/limits.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Names, hash and the like take no more than what is left.
inline constexpr size_t kMaxContentBytes = sync::kMaxResourceBytes - size_t{4} * 1024;

// Template, outputs and dependencies.
size_t content_bytes(const v1::ResourceSpec& spec);

struct Part {
  std::string path;  // "score.containers.web.files./etc/app.conf.content"; list items as "[2]"
  size_t bytes = 0;
};
// The largest text in it; an empty path where there is none.
Part largest_part(const google::protobuf::Struct& content);

// For people: "312".
std::string in_kb(size_t bytes);

}  // namespace qleet::hub::controllers
