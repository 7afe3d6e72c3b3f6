#include "providers/container/steady.h"

#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"

namespace qleet::container {

bool is_steady(const std::string& started_at, WallTime now, Millis after) {
  google::protobuf::Timestamp started;
  if (!google::protobuf::util::TimeUtil::FromString(started_at, &started)) return true;
  const WallTime since{Millis(google::protobuf::util::TimeUtil::TimestampToMilliseconds(started))};
  return since > now || now - since >= after;
}

}  // namespace qleet::container
