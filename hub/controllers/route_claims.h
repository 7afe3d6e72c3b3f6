// Hosts and paths that routes ask for, and to whom a host belongs: within one router, the application whose
// route asked for it first. Others ask for paths below it only where that application's route shares it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

struct RouteClaim {
  std::string router;  // resource that it goes through; its region where there is none
  std::string host;    // lower case, without a dot at its end; empty: any
  std::string path;    // without a slash at its end, but "/"
  std::string resource;
  std::string application;
  std::string environment;
  std::int64_t since = 0;          // ms: when it was made; of what is not made yet, the latest
  bool shared = false;             // with everybody
  std::vector<std::string> share;  // applications
};

// Nullopt for what is no route, and where host or path are known to the agent alone: it refuses what is
// taken.
std::optional<RouteClaim> claim_of(const std::string& name, const v1::ResourceSpec& spec);

// Why the claim cannot be: text and the resource in its way. `others` are those of the same host and router.
// Pure.
struct ClaimDenial {
  std::string message;
  std::string reason;
  std::string resource;
};
std::optional<ClaimDenial> why_denied(const RouteClaim& wanted, const std::vector<RouteClaim>& others);

// What counts of an application that has a place: the release that its deployment wants, or, for who applies
// now and waits likewise, the one that waits there, unless that is held back by a rollback.
enum class Horizon { kWanted, kWaiting };

// The claims of a resolved graph against each other, and those that are new against what stands in the store
// and is still asked for. Who has a place keeps it.
Result<std::optional<Refusal>> check_claims(const Reader& reader, const Graph& graph, Horizon horizon);

// The index of hosts (keys.h), within the caller's transaction. Of a store that has none yet it is made
// whole.
Result<> index_claim(Work& work, const std::string& name, const v1::ResourceSpec* before,
                     const v1::ResourceSpec* after);

}  // namespace qleet::hub::controllers
