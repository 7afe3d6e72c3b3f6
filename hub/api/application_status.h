// What is told of an application over all of its environments when somebody asks, and stored nowhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::api {

// Fills in ApplicationStatus.state, ready, replicas and restarts. The state is the worst of its deployments':
//   Deleting, Failed, Blocked, Stalled, Returned, Stale (only lost regions are waited for), RollingOut,
//   AwaitingApproval, AwaitingEnvironment (nothing runs there yet), Ready; Pending where there is none.
// What a deployment says of an older generation counts as RollingOut. Pure.
void tell_status(const std::vector<v1::Deployment>& deployments, v1::Application& application);
Result<> tell_status(const Reader& reader, v1::Application& application);

// All of that in one word: it changes where something of it does.
std::string told_status(const v1::Application& application);

// The application that a deployment is of, by the deployment's name.
std::string_view application_of(std::string_view deployment);

}  // namespace qleet::hub::api
