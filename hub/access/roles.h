// Who may do what: rules over verbs and kinds, and the roles that every hub has.
#pragma once

#include <string_view>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::access {

// Verbs beyond those of objects (get, list, watch, create, update, delete).
inline constexpr std::string_view kPlan = "plan";          // any kind: what a change would lead to
inline constexpr std::string_view kNotify = "notify";      // builds
inline constexpr std::string_view kApprove = "approve";    // applications
inline constexpr std::string_view kRollback = "rollback";  // applications
inline constexpr std::string_view kLogs = "logs";          // applications
inline constexpr std::string_view kToken = "token";        // serviceaccounts: issue and revoke tokens
inline constexpr std::string_view kEnrol = "enrol";        // agents: make join tokens
inline constexpr std::string_view kRevoke = "revoke";      // agents

// Stands beside the plurals of kinds in rules: the hub's own figures.
inline constexpr std::string_view kMetrics = "metrics";

// admin, operator, developer, ci, viewer. Their rules are these, whatever the store says: nobody can lock
// himself out, nor give `ci` more than to notify.
const std::vector<v1::Role>& builtin_roles();
// Null when `name` is none of them.
const v1::Role* builtin_role(std::string_view name);

// `kind` is a plural ("applications") or kMetrics.
bool allows(const google::protobuf::RepeatedPtrField<v1::RoleRule>& rules, std::string_view verb,
            std::string_view kind);

}  // namespace qleet::hub::access
