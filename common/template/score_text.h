// Text of a Score document as a template of ours. Score writes "$$" for a "$", and so "$${x}" for a plain
// "${x}"; templates know the latter alone.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::templates {

// Placeholders stay as they are, malformed ones too. kInvalid where a "$" would stand right before a
// placeholder, which a template cannot hold.
Result<std::string> from_score(std::string_view text);
// The same of every text in it.
Result<google::protobuf::Value> from_score(const google::protobuf::Value& value);
Result<google::protobuf::Struct> from_score(const google::protobuf::Struct& value);

}  // namespace qleet::templates
