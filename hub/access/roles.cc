#include "hub/access/roles.h"

#include <algorithm>

namespace qleet::hub::access {
namespace {

struct Rule {
  std::string_view role;
  std::vector<std::string_view> kinds;
  std::vector<std::string_view> verbs;
};

const std::vector<Rule>& table() {
  static const std::vector<std::string_view> system = {
      "applications", "environments", "profiles",  "regions", "agents", "builds",
      "releases",     "deployments",  "resources", "events",  kMetrics};
  static const std::vector<std::string_view> read = {"get", "list", "watch"};
  static const std::vector<Rule> rules = {
      {"admin", {"*"}, {"*"}},
      {"operator", system, {"*"}},
      {"operator", {"secrets"}, {"*"}},
      {"operator", {"serviceaccounts", "roles", "rolebindings", "auditrecords"}, read},
      {"developer", system, read},
      {"developer", {"applications"}, {"create", "update", "delete", kPlan, kRollback, kLogs}},
      {"developer", {"environments", "profiles"}, {kPlan}},
      {"developer", {"builds"}, {kNotify, kPlan}},
      {"developer", {"secrets"}, {"get", "list", "watch", "create", "update", "delete", kPlan}},
      {"ci", {"builds"}, {kNotify}},
      {"viewer", system, read},
  };
  return rules;
}

std::vector<v1::Role> make_roles() {
  std::vector<v1::Role> roles;
  for (const Rule& rule : table()) {
    if (roles.empty() || roles.back().metadata().name() != rule.role) {
      v1::Role& role = roles.emplace_back();
      role.set_api_version("qleet.io/v1");
      role.set_kind("Role");
      role.mutable_metadata()->set_name(std::string(rule.role));
    }
    v1::RoleRule* added = roles.back().mutable_spec()->add_rules();
    for (const auto kind : rule.kinds) added->add_kinds(std::string(kind));
    for (const auto verb : rule.verbs) added->add_verbs(std::string(verb));
  }
  return roles;
}

bool contains(const google::protobuf::RepeatedPtrField<std::string>& words, std::string_view word) {
  return std::ranges::any_of(words, [&](const std::string& w) { return w == "*" || w == word; });
}

}  // namespace

const std::vector<v1::Role>& builtin_roles() {
  static const std::vector<v1::Role> roles = make_roles();
  return roles;
}

const v1::Role* builtin_role(std::string_view name) {
  const auto& roles = builtin_roles();
  const auto it = std::ranges::find_if(roles, [&](const v1::Role& r) { return r.metadata().name() == name; });
  return it == roles.end() ? nullptr : &*it;
}

bool allows(const google::protobuf::RepeatedPtrField<v1::RoleRule>& rules, std::string_view verb,
            std::string_view kind) {
  return std::ranges::any_of(rules, [&](const v1::RoleRule& rule) {
    return contains(rule.kinds(), kind) && contains(rule.verbs(), verb);
  });
}

}  // namespace qleet::hub::access
