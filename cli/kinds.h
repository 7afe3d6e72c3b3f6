#pragma once

#include <string>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"

namespace qleet::cli {

// The kind that a person named (name, plural or short name); kInvalid with the nearest one.
Result<const model::Kind*> kind_named(const std::string& word);

// Objects of one kind: those with these names, or all.
struct Target {
  const model::Kind* kind = nullptr;
  std::vector<std::string> names = {};
};

// How objects are named on a command line: "KIND", "KIND NAME...", "KIND,KIND [NAME...]" or
// "KIND/NAME..." (what `-o name` prints). One target of each kind, in the order in which they are named
// first. kInvalid where it is none of these.
Result<std::vector<Target>> targets_of(const std::vector<std::string>& words);
// The same, where a name is needed for each.
Result<std::vector<Target>> named_targets_of(const std::vector<std::string>& words);

}  // namespace qleet::cli
