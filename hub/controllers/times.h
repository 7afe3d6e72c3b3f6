// Our times and protobuf's.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "common/clock/clock.h"

namespace qleet::hub::controllers {

inline google::protobuf::Timestamp to_timestamp(WallTime time) {
  const auto millis = time.time_since_epoch().count();
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(millis / 1000);
  stamp.set_nanos(static_cast<int>(millis % 1000) * 1'000'000);
  return stamp;
}

inline WallTime from_timestamp(const google::protobuf::Timestamp& stamp) {
  return WallTime(Millis(stamp.seconds() * 1000 + stamp.nanos() / 1'000'000));
}

}  // namespace qleet::hub::controllers
