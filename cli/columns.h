// What `qleet get` shows of each kind.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::cli {

struct Columns {
  std::vector<std::string> header;
  std::vector<std::string> wide;  // shown with -o wide only
};

Columns columns_of(const google::protobuf::Message& prototype);
// What a row needs besides the object.
struct RowContext {
  WallTime now{};
  std::map<std::string, v1::Agent> agents = {};  // for regions: who serves them
};
// The cells under header, then those under wide.
std::vector<std::string> cells_of(const google::protobuf::Message& object, const RowContext& context);

// "registry.example/shop/web:main-4f2c@sha256:9d01..." with the first 12 digits of the digest.
std::string short_image(const std::string& image);

std::string age(const google::protobuf::Timestamp& time, WallTime now);

}  // namespace qleet::cli
