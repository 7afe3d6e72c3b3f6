// Content hashes.
#pragma once

#include <string>

#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Over provider, template, outputs and dependencies: what an agent acts upon. Same meaning, same hash.
std::string content_hash(const v1::ResourceSpec& spec);

}  // namespace qleet::hub::controllers
