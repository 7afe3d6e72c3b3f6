// What an environment says of applications (Environment.spec.applications), against those that there are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/result/result.h"
#include "hub/frontend/cross_checks.h"
#include "hub/store/store.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {

// What was found out before, on a copy of the store: an environment may speak of thousands of applications,
// each of which is resolved, and nobody else could write meanwhile.
struct KnownValues {
  struct Of {
    std::string uid;  // of the application; empty: there was none
    std::uint32_t generation = 0;
    Findings findings;
  };
  Revision seen = 0;                                              // of the store that was copied
  std::map<std::string, std::map<std::string, Of>> environments;  // -> application ->
};

// An application that is not there may come later, and so may its parts: warnings. What makes one that is
// there impossible is an error, at the value.
//
// `note`: takes down what is found. `known`: of applications that are what they were then, that is found
// again; only others are looked at. Both may be null.
Result<> check_values(const Reader& reader, const v1::Environment& environment, Findings& findings,
                      const KnownValues* known, KnownValues* note);

// Whether what was found does not hold any more for any application: profiles were written since.
Result<bool> is_outdated(const Reader& reader, const KnownValues& known);

}  // namespace qleet::hub::frontend
