#include "hub/controllers/application_data.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "common/model/keeping.h"
#include "hub/controllers/resources.h"
#include "hub/store/objects.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {
namespace {

using model::AfterGrace;
using Specs = std::map<std::string, v1::ResourceSpec>;

constexpr size_t kUsersAtOnce = 64;

// All that is reached from `open`, with their specs.
Result<Specs> reached_from(const Reader& reader, std::vector<std::string> open) {
  Specs reached;
  while (!open.empty()) {
    const auto name = std::move(open.back());
    open.pop_back();
    if (reached.contains(name)) continue;
    const auto resource = TRY(objects::get<v1::Resource>(reader, name));
    if (!resource) continue;
    for (const auto& [alias, needed] : resource->spec().dependencies()) open.push_back(needed);
    reached.emplace(name, resource->spec());
  }
  return reached;
}

Result<std::vector<std::string>> roots_of(const Reader& reader, const std::string& application) {
  std::vector<std::string> roots;
  for (const auto& deployment :
       TRY(objects::list<v1::Deployment>(reader, {.name_prefix = application + "."}))) {
    for (const auto& [name, alias] : TRY(used_by(reader, user_of_deployment(deployment.metadata().name()))))
      roots.push_back(name);
  }
  return roots;
}

// Its own in all environments that there are, in use, on their way out or kept.
Result<std::vector<std::string>> own_of(const Reader& reader, const std::string& application) {
  std::vector<std::string> own;
  const auto environments = TRY(objects::list<v1::Environment>(reader));
  for (const auto& region : TRY(objects::list<v1::Region>(reader))) {
    for (const auto& environment : environments) {
      const auto prefix =
          fmt::format("{}.{}.{}.", region.metadata().name(), environment.metadata().name(), application);
      for (const auto& resource : TRY(objects::list<v1::Resource>(reader, {.name_prefix = prefix})))
        own.push_back(resource.metadata().name());
    }
  }
  return own;
}

class Exclusive {
 public:
  Exclusive(const Reader& reader, const std::string& application, Specs& reached)
      : reader_(reader), application_(application), reached_(reached) {}

  // Leaves in `reached` what nobody else needs, at any depth.
  Result<> run() {
    for (bool again = true; again;) {
      again = false;
      for (auto it = reached_.begin(); it != reached_.end();) {
        const bool leaves =
            model::after_grace(it->second) == AfterGrace::kRetain || TRY(others_need(it->first));
        again = again || leaves;
        it = leaves ? reached_.erase(it) : std::next(it);
      }
    }
    return {};
  }

 private:
  Result<bool> others_need(const std::string& name) {
    std::string after;
    for (;;) {
      const auto users = TRY(users_of(reader_, name, kUsersAtOnce, after));
      for (const auto& use : users) {
        const auto user = use.user.substr(2);
        const bool own = use.user.starts_with("d:") ? user.substr(0, user.find('.')) == application_
                                                    : reached_.contains(user);
        if (!own) return true;
      }
      if (users.size() < kUsersAtOnce) return false;
      after = users.back().user;
    }
  }

  const Reader& reader_;
  const std::string& application_;
  Specs& reached_;
};

// Whether data is kept in it, or in what it requires.
bool leads_to_data(const Specs& specs, const std::string& name, std::map<std::string, bool>& known) {
  const auto found = specs.find(name);
  if (found == specs.end()) return false;
  if (const auto seen = known.find(name); seen != known.end()) return seen->second;
  bool leads = model::keeps_data(found->second);
  for (const auto& [alias, needed] : found->second.dependencies())
    leads = leads_to_data(specs, needed, known) || leads;
  return known[name] = leads;
}

}  // namespace

Result<std::vector<std::string>> let_application_data_go(Work& work, const std::string& application,
                                                         const std::string& subject) {
  auto open = TRY(roots_of(work.txn, application));
  for (auto& name : TRY(own_of(work.txn, application))) open.push_back(std::move(name));
  auto specs = TRY(reached_from(work.txn, std::move(open)));
  TRY(Exclusive(work.txn, application, specs).run());
  for (const auto& [name, spec] : specs) {
    if (model::keeps_data(spec) && TRY(data_is_protected(work.txn, spec)))
      return fail(
          Code::kConflict,
          fmt::format(
              "application \"{}\": environment {} protects its data ({}); delete it without its data, "
              "or take spec.protect.data out of the environment first",
              application, spec.environment(), describe_data(spec)));
  }
  std::vector<std::string> going;
  std::map<std::string, bool> known;
  for (const auto& [name, spec] : specs) {
    if (spec.type() == "workload" || !leads_to_data(specs, name, known)) continue;
    if (model::keeps_data(spec)) going.push_back(name);
    TRY(let_data_go(work, name, subject));
  }
  return going;
}

Result<> take_back_application_data(Work& work, const std::string& application) {
  for (const auto& [name, spec] : TRY(reached_from(work.txn, TRY(roots_of(work.txn, application)))))
    TRY(take_back_data(work, name));
  return {};
}

}  // namespace qleet::hub::controllers
