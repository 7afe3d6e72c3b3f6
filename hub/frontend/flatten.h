// Documents compared field by field.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::hub::frontend {

// Path -> JSON of every leaf: "workloads.web.score.containers.web.image", "files[0].target".
std::map<std::string, std::string> flatten(const google::protobuf::Struct& document);

// What differs, sorted by path.
std::vector<v1::DiffEntry> compare(const std::map<std::string, std::string>& before,
                                   const std::map<std::string, std::string>& after);

}  // namespace qleet::hub::frontend
