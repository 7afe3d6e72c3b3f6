// What an environment says of an application (Environment.spec.applications), put over what the application
// says itself. Pure.
//
// Precedence, the last one counts: what the application says; where it draws on a resource of type
// environment, the environment's variables; the values that the environment gives for this application.
// Variables are for every container of the workload. Of params each key counts for itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::controllers {

// Null where the environment says nothing of the workload.
const v1::WorkloadValues* values_of(const v1::Environment& environment, std::string_view application,
                                    std::string_view workload);

bool says_something(const v1::Environment& environment, std::string_view application);

// The application as it is in that environment. What speaks of workloads or resources that it has not is left
// out.
v1::ApplicationSpec with_values(v1::ApplicationSpec spec, const v1::Environment& environment,
                                std::string_view application);

// Where the environment says what stands at `field`, a path within the application such as
// "spec.workloads.web.replicas"; nullopt where the application says it itself.
std::optional<std::string> field_in_environment(const v1::Environment& environment,
                                                std::string_view application, std::string_view field);

}  // namespace qleet::hub::controllers
