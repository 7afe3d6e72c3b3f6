// Deterministic names and ownership labels: by them what a crashed step left behind is found again, and what
// is not ours is left alone.
#pragma once

#include <string>
#include <string_view>

#include "common/engine/types.h"

namespace qleet::containers {

namespace labels {
inline constexpr const char* kOwner = "io.qleet.owner";          // the agent
inline constexpr const char* kResource = "io.qleet.resource";    // the resource's name
inline constexpr const char* kType = "io.qleet.type";            // and its type
inline constexpr const char* kKind = "io.qleet.kind";            // what the template makes of it
inline constexpr const char* kHash = "io.qleet.hash";            // what it was made for
inline constexpr const char* kRevision = "io.qleet.revision";    // workload: what its containers are made of
inline constexpr const char* kReplica = "io.qleet.replica";      // workload: number of the replica
inline constexpr const char* kContainer = "io.qleet.container";  // workload: the container's name in Score
inline constexpr const char* kSize = "io.qleet.size";            // volume: the asked-for size
}  // namespace labels

// First ten hex digits of a SHA-256.
std::string short_hash(std::string_view text);

// "qleet-eu-1-dev-shop-postgres-web-db-0a1b2c3d4e": container, volume and DNS name of a resource. At most 63
// characters of [a-z0-9-]; unique by the hash over owner and name.
std::string base_name(std::string_view owner, std::string_view resource);

// The network of an agent on its host.
std::string network_name(std::string_view owner);

// A label's value; empty if it is not there.
std::string label(const Labels& labels, const char* name);

}  // namespace qleet::containers
