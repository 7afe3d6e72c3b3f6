// What an environment says of applications (Environment.spec.applications), against those that there are.
#pragma once

#include "common/result/result.h"
#include "hub/frontend/cross_checks.h"
#include "hub/store/store.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {

// An application that is not there may come later, and so may its parts: warnings. What makes one that is
// there impossible is an error, at the value.
Result<> check_values(const Reader& reader, const v1::Environment& environment, Findings& findings);

}  // namespace qleet::hub::frontend
