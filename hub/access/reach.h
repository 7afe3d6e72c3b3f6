// What a token that is for some applications reaches (ServiceAccountSpec.applications): of its roles' verbs
// only those about these applications. Names of kinds are plurals.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"

namespace qleet::hub::access {

// Never empty here: a token without applications is for all of them, and nobody asks.
using Applications = std::vector<std::string>;

// False for what is no application's: accounts, agents, roles, ... whatever its roles allow. What
// applications run on (environments, profiles, regions) may be looked at only.
bool reaches(std::string_view verb, std::string_view kind);

// The application that a name tells of ("shop" in release "shop.3"); nullopt: names of that kind do not tell.
std::optional<std::string_view> application_in(std::string_view kind, std::string_view name);

// The same for "environment" and "region". What all environments of a region share tells of none.
std::optional<std::string_view> place_in(std::string_view kind, std::string_view name,
                                         std::string_view field);

// Whether an object is one of these applications', or what they run on. Of what several share it is not.
bool within(const google::protobuf::Message& object, const Applications& applications);

// Takes out what an object, or a tree, says about other applications.
void narrow(google::protobuf::Message& message, const Applications& applications);

}  // namespace qleet::hub::access
