#pragma once

#include <string>

#include "common/model/model.h"
#include "common/result/result.h"

namespace qleet::cli {

// The kind that a person named (name, plural or short name); kInvalid with the nearest one.
Result<const model::Kind*> kind_named(const std::string& word);

}  // namespace qleet::cli
