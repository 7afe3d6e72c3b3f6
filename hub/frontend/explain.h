// Why something is not as it shall be, down to the last cause, in words that a person can act upon.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::hub::frontend {

// The state of a resource as it is to be shown, reason and message with it.
struct Shown {
  std::string state;
  std::string reason;
  std::string message;
};
Shown shown(const v1::Resource& resource, const v1::Region* region);

struct Explanation {
  bool ready = false;
  std::string state;
  std::string summary;               // one sentence
  std::vector<std::string> details;  // since when, how often tried
  std::string repair;                // empty: nothing to be done
  std::string cause;                 // name of the resource that the others wait for; empty: none
};

// "shop is not ready in dev: postgres \"db\" in local-1: ...".
Result<Explanation> explain(const Reader& reader, const v1::Deployment& deployment, WallTime now);
Explanation explain(const v1::Resource& resource, const v1::Region* region, WallTime now);

// What a person may do about a reason; empty where time or the hub will do.
std::string repair_for(std::string_view reason, const v1::Resource* resource);

// "Since 2026-...Z (3 min), tried 5 times, next try in 40 s."; empty where nothing is known.
std::string since_text(const v1::Resource& resource, WallTime now);

}  // namespace qleet::hub::frontend
