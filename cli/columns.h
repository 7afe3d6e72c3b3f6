// What `qleet get` shows of each kind.
#pragma once

#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

namespace qleet::cli {

struct Columns {
  std::vector<std::string> header;
  std::vector<std::string> wide;  // shown with -o wide only
};

Columns columns_of(const google::protobuf::Message& prototype);
// The cells under header, then those under wide.
std::vector<std::string> cells_of(const google::protobuf::Message& object, WallTime now);

std::string age(const google::protobuf::Timestamp& time, WallTime now);

}  // namespace qleet::cli
