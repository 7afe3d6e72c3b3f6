// Content hashes.
#pragma once

#include <map>
#include <string>

#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Over provider, template, outputs, dependencies and the Secret whose values it hands out: what an agent acts
// upon. Same meaning, same hash. `drawn`: by alias, what of a dependency is not in its name, and is a change
// of whoever draws on it (secrets.h).
std::string content_hash(const v1::ResourceSpec& spec, const std::map<std::string, std::string>& drawn = {});

}  // namespace qleet::hub::controllers
