// A profile against the others, and against what the agents can do.
#pragma once

#include "common/result/result.h"
#include "hub/frontend/cross_checks.h"
#include "hub/store/store.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::hub::frontend {

// Of another default nothing tells apart but the name: a warning.
Result<> check_ties(const Reader& reader, const v1::Profile& profile, Findings& findings);

// No agent has its provider, or those that do take no such template, or tell no such thing of what they make:
// warnings, for one that can may come. Nothing is said while there is no agent that told.
Result<> check_provider(const Reader& reader, const v1::Profile& profile, Findings& findings);

}  // namespace qleet::hub::frontend
