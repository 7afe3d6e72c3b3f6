#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/model/rules.h"
#include "common/model/sealed_values.h"
#include "common/model/service_name.h"

namespace qleet::model {
namespace {

constexpr size_t kMaxApplications = 1000;
constexpr size_t kMaxRules = 100;
constexpr size_t kMaxSubjects = 1000;
constexpr size_t kMaxSecretBytes = 512 * 1024;
constexpr std::string_view kServiceAccount = "serviceaccount:";

void check_role_name(const std::string& role, const Place& spec, Checks& checks) {
  const Place place{&spec, "role"};
  if (checks.required(place, role)) checks.name(place, role);
}

void check_rule_kind(const std::string& kind, const Place& place, Checks& checks) {
  if (kind == "*" || !checks.required(place, kind)) return;
  std::vector<std::string> plurals;
  plurals.reserve(kinds().size());
  for (const auto& known : kinds()) plurals.emplace_back(known.plural);
  if (std::ranges::find(plurals, kind) != plurals.end()) return;
  const auto near = nearest(kind, plurals);
  checks.wrong(place, near.empty() ? fmt::format("\"{}\" is no kind; {}, *", kind, there_is(plurals))
                                   : fmt::format("\"{}\" is no kind; did you mean \"{}\"?", kind, near));
}

void check_verb(const std::string& verb, const Place& place, Checks& checks) {
  if (verb == "*" || !checks.required(place, verb)) return;
  if (!std::ranges::all_of(verb, [](unsigned char c) { return std::islower(c) || c == '-'; }))
    checks.wrong(place, fmt::format("\"{}\" is no verb; write for example get, list or update, or *", verb));
}

}  // namespace

void check(const qleet::v1::ServiceAccount& account, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  check_role_name(account.spec().role(), spec, checks);
  const Place applications{&spec, "applications"};
  const auto& names = account.spec().applications();
  checks.at_most(applications, static_cast<size_t>(names.size()), kMaxApplications, "applications");
  for (int i = 0; i < names.size(); ++i) {
    const Place here{&applications, {}, i};
    if (checks.required(here, names[i])) checks.name(here, names[i]);
    if (std::find(names.begin(), names.begin() + i, names[i]) != names.begin() + i)
      checks.wrong(here, fmt::format("\"{}\" is given twice", names[i]));
  }
}

void check(const qleet::v1::Role& role, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  const Place rules{&spec, "rules"};
  if (role.spec().rules().empty()) checks.wrong(rules, "is missing; a role allows something");
  checks.at_most(rules, static_cast<size_t>(role.spec().rules_size()), kMaxRules, "rules");
  for (int i = 0; i < role.spec().rules_size(); ++i) {
    const Place here{&rules, {}, i};
    const auto& rule = role.spec().rules(i);
    const Place kinds_place{&here, "kinds"};
    const Place verbs_place{&here, "verbs"};
    if (rule.kinds().empty()) checks.wrong(kinds_place, "is missing");
    if (rule.verbs().empty()) checks.wrong(verbs_place, "is missing");
    for (int k = 0; k < rule.kinds_size(); ++k) check_rule_kind(rule.kinds(k), {&kinds_place, {}, k}, checks);
    for (int v = 0; v < rule.verbs_size(); ++v) check_verb(rule.verbs(v), {&verbs_place, {}, v}, checks);
  }
}

void check(const qleet::v1::RoleBinding& binding, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  check_role_name(binding.spec().role(), spec, checks);
  const Place subjects{&spec, "subjects"};
  if (binding.spec().subjects().empty()) checks.wrong(subjects, "is missing");
  checks.at_most(subjects, static_cast<size_t>(binding.spec().subjects_size()), kMaxSubjects, "subjects");
  for (int i = 0; i < binding.spec().subjects_size(); ++i) {
    const std::string_view subject = binding.spec().subjects(i);
    if (!subject.starts_with(kServiceAccount) || !is_name(subject.substr(kServiceAccount.size())))
      checks.wrong({&subjects, {}, i},
                   fmt::format("\"{}\" is no subject; write serviceaccount:<name>", subject));
  }
}

// Values never stand in a message.
void check(const qleet::v1::Secret& secret, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  const Place data{&spec, "data"};
  size_t total = 0;
  for (const auto& key : sorted_keys(secret.spec().data())) {
    const bool good = !key.empty() && key.size() <= 253 && std::ranges::all_of(key, [](unsigned char c) {
      return std::isalnum(c) || c == '-' || c == '_' || c == '.';
    });
    if (!good) checks.wrong({&data, key}, "a key of a secret has letters, digits, -, _ and . only");
    const auto& value = secret.spec().data().at(key);
    if (value.starts_with(kSealedPrefix))
      checks.wrong({&data, key},
                   fmt::format("begins with \"{}\", which is how the hub marks what it has sealed: give "
                               "the value itself",
                               kSealedPrefix));
    total += value.size();
  }
  if (total > kMaxSecretBytes)
    checks.wrong(data, fmt::format("has {} bytes; at most {} are allowed", total, kMaxSecretBytes));
  if (!secret.spec().id().empty() && !is_resource_id(secret.spec().id()))
    checks.wrong(
        {&spec, "id"},
        fmt::format("\"{}\" is not an id: 2 to 63 lower-case letters, digits, - and .", secret.spec().id()));
  if (!secret.spec().environment().empty()) checks.name({&spec, "environment"}, secret.spec().environment());
  const Place applications{&spec, "applications"};
  checks.at_most(applications, static_cast<size_t>(secret.spec().applications_size()), kMaxSubjects,
                 "applications");
  for (int i = 0; i < secret.spec().applications_size(); ++i)
    checks.name({&applications, {}, i}, secret.spec().applications(i));
}

}  // namespace qleet::model
