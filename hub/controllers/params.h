// Params of a dependency against the schema of the profile that satisfies it. Pure.
#pragma once

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::hub::controllers {

// `asked` with defaults filled in. A value that still holds placeholders is known to the agent only: it must
// be declared, its content is not checked. kInvalid with a field (the param's name) for each thing that is
// wrong.
Result<google::protobuf::Struct> complete_params(const google::protobuf::Struct& schema,
                                                 const google::protobuf::Struct& asked);

}  // namespace qleet::hub::controllers
