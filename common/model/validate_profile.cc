#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/model/placeholders.h"
#include "common/model/rules.h"

namespace qleet::model {
namespace {

using qleet::v1::Profile;
using qleet::v1::ProfileSpec;
using qleet::v1::Requirement;
using templates::Path;
using templates::to_text;

constexpr size_t kMaxRequirements = 50;
constexpr size_t kMaxOutputs = 100;

// What every profile of a workload is given beside its own parameters.
constexpr std::string_view kWorkloadType = "workload";

class ProfileRule {
 public:
  // `roots`: what a placeholder may start with at this place.
  ProfileRule(const ProfileSpec& spec, std::vector<std::string> roots)
      : spec_(spec), roots_(std::move(roots)) {}

  std::string operator()(const Path& path) const {
    if (std::ranges::find(roots_, path.front()) == roots_.end()) {
      return fmt::format("{}: a placeholder here starts with one of: {}; for a plain \"${{\" write $${{",
                         to_text(path), fmt::join(roots_, ", "));
    }
    if (path.front() == "params") return wrong_param(path);
    if (path.front() == "requires") return wrong_requirement(path);
    if (path.front() == "resources" && spec_.satisfies().type() != kWorkloadType)
      return fmt::format("{}: resources are known in profiles of type workload only; use requires",
                         to_text(path));
    if (path.front() != "self" && path.size() < 2)
      return fmt::format("{}: name one, for example ${{{}.name}}", to_text(path), path.front());
    return {};
  }

 private:
  std::string wrong_param(const Path& path) const {
    const bool workload = spec_.satisfies().type() == kWorkloadType;
    if (path.size() < 2 || spec_.parameters().fields().contains(path[1])) return {};
    if (workload && (path[1] == "score" || path[1] == "replicas")) return {};
    auto known = sorted_keys(spec_.parameters().fields());
    if (workload) known.insert(known.end(), {"replicas", "score"});
    return fmt::format("{}: no parameter \"{}\" in this profile; {}", to_text(path), path[1],
                       there_is(std::move(known)));
  }

  std::string wrong_requirement(const Path& path) const {
    if (path.size() < 3)
      return fmt::format("{}: name an output, for example ${{requires.data.name}}", to_text(path));
    if (spec_.requirements().contains(path[1])) return {};
    return fmt::format("{}: \"{}\" is not under requires; {}", to_text(path), path[1],
                       there_is(sorted_keys(spec_.requirements())));
  }

  const ProfileSpec& spec_;
  std::vector<std::string> roots_;
};

void check_requirement(const Requirement& requirement, const Place& place, const PlaceholderRule& rule,
                       Checks& checks) {
  const Place type{&place, "type"};
  if (checks.required(type, requirement.type())) checks.type_word(type, requirement.type());
  checks.type_word({&place, "class"}, requirement.class_());
  const Place id{&place, "id"};
  check_placeholders(requirement.id(), id, rule, checks);
  if (requirement.id().find("${") == std::string::npos) checks.name(id, requirement.id());
  check_placeholders(requirement.params(), {&place, "params"}, rule, checks);
}

// The hub itself says what its outputs are: nothing is made, so nobody tells anything of it.
void check_needless(const ProfileSpec& spec, const Place& place, Checks& checks) {
  const auto needless = [&](const char* field, bool given) {
    if (!given) return;
    checks.wrong({&place, field},
                 fmt::format("has no meaning with provider \"{}\", which makes nothing; leave it out",
                             kValuesProvider));
  };
  needless("template", spec.template_().fields_size() > 0);
  needless("requires", !spec.requirements().empty());
  needless("keepsData", spec.keeps_data());
  needless("whenUnused", spec.has_when_unused());
}

}  // namespace

void check(const Profile& profile, Checks& checks) {
  const auto& spec = profile.spec();
  const Place root;
  const Place place{&root, "spec"};

  const Place satisfies{&place, "satisfies"};
  const Place type{&satisfies, "type"};
  if (checks.required(type, spec.satisfies().type())) checks.type_word(type, spec.satisfies().type());
  checks.type_word({&satisfies, "class"}, spec.satisfies().class_());
  checks.one_of({&place, "scope"}, spec.scope(), {"workload", "application", "environment", "region"});
  const Place provider{&place, "provider"};
  if (checks.required(provider, spec.provider())) checks.name(provider, spec.provider());
  check_parameters(spec.parameters(), {&place, "parameters"}, checks);

  const ProfileRule asked(spec, {"params", "requires", "generated", "variables", "metadata"});
  const Place requirements{&place, "requires"};
  checks.at_most(requirements, spec.requirements().size(), kMaxRequirements, "entries");
  for (const auto& alias : sorted_keys(spec.requirements())) {
    const Place here{&requirements, alias};
    checks.name(here, alias);
    check_requirement(spec.requirements().at(alias), here, asked, checks);
  }

  check_placeholders(
      spec.template_(), {&place, "template"},
      ProfileRule(spec, {"params", "requires", "resources", "generated", "variables", "metadata"}), checks);
  const Place outputs{&place, "outputs"};
  checks.at_most(outputs, spec.outputs().fields().size(), kMaxOutputs, "outputs");
  std::vector<std::string> roots{"self",      "params",    "requires", "resources",
                                 "generated", "variables", "metadata"};
  if (spec.provider() == kValuesProvider) {
    check_needless(spec, place, checks);
    roots = {"params", "variables", "metadata"};
  }
  check_placeholders(spec.outputs(), outputs, ProfileRule(spec, std::move(roots)), checks);

  const Place askers{&place, "askers"};
  const Place roles{&askers, "roles"};
  for (int i = 0; i < spec.askers().roles_size(); ++i) {
    const Place here{&roles, {}, i};
    if (checks.required(here, spec.askers().roles(i))) checks.name(here, spec.askers().roles(i));
  }
  if (spec.askers().roles_size() > 0 && spec.askers().has_workloads() && !spec.askers().workloads())
    checks.wrong(roles, "has no meaning where workloads may not ask: leave it out, or set workloads: true");
  checks.selector({&place, "regions"}, spec.regions());
  checks.selector({&place, "environments"}, spec.environments());
  const Place unused{&place, "whenUnused"};
  checks.duration({&unused, "after"}, spec.when_unused().after());
  checks.one_of({&unused, "do"}, spec.when_unused().do_(), {"delete", "retain"});
  if (spec.has_keeps_data() && !spec.keeps_data() && spec.when_unused().do_() == "retain")
    checks.wrong(
        {&place, "keepsData"},
        "false says that nobody would miss it, and whenUnused.do that it is retained; leave one of them out");
}

}  // namespace qleet::model
