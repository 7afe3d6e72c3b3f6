// Resources of type "secret" that no profile serves.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/model.h"
#include "common/model/reasons.h"
#include "common/sync/values.h"
#include "hub/controllers/resolution.h"
#include "hub/controllers/resource_size.h"

namespace qleet::hub::controllers::resolution {
namespace {

// With the resource that hands it out.
constexpr size_t kMaxSecretBytes = kMaxContentBytes - size_t{32} * 1024;

// Of which Secret the values are asked for: an alias is as good as an id.
const std::string& wanted_id(const Ask& ask) { return ask.wanted->id.empty() ? ask.alias : ask.wanted->id; }

std::string field_of(const Wanted& wanted) {
  if (wanted.field.empty()) return {};
  return wanted.id.empty() ? wanted.field : wanted.field + ".id";
}

}  // namespace

Result<ProfilePtr> Resolver::secret(const Ask& ask) {
  const auto& id = wanted_id(ask);
  const auto& home = ask.asker.home;
  graph_.secrets.insert(id);
  SecretList none({});
  SecretSource& source = in_.secrets == nullptr ? none : *in_.secrets;
  const auto of_id = TRY(source.of_id(id));
  const auto chosen = choose_secret(of_id, home.environment, home.application);
  if (!chosen) {
    std::vector<std::string> elsewhere;
    for (const auto& secret : of_id) elsewhere.push_back(secret->environment);
    const auto known = TRY(source.ids());
    const auto near = model::nearest(id, known);
    const auto where = home.environment.empty() ? "for every environment"
                                                : fmt::format("in environment {}", home.environment);
    std::string hint;
    if (!elsewhere.empty())
      hint = fmt::format("there is one for {}; ", fmt::join(elsewhere, ", "));
    else if (!near.empty())
      hint = fmt::format("did you mean \"{}\"? ", near);
    return refuse(reasons::kNoSecret,
                  fmt::format("secret \"{}\" ({}): there is none {}; {}make it: qleet secret set {} KEY=-",
                              id, asked_for_by(ask), where, hint, id),
                  field_of(*ask.wanted));
  }
  if (!may_use(*chosen, home.application)) {
    const auto who = home.application.empty() ? std::string("what several applications share")
                                              : fmt::format("application {}", home.application);
    return refuse(
        reasons::kNotAllowed,
        fmt::format("secret \"{}\" ({}): {} may not use it; it is for {} (spec.applications of Secret "
                    "{})",
                    id, asked_for_by(ask), who, fmt::join(chosen->applications, ", "), chosen->name),
        field_of(*ask.wanted));
  }
  if (chosen->bytes > kMaxSecretBytes) {
    return refuse(
        reasons::kResourceTooLarge,
        fmt::format("secret \"{}\" ({}): its values take {} KB, at most {} KB can be sent to an agent: "
                    "divide it",
                    id, asked_for_by(ask), in_kb(chosen->bytes), in_kb(kMaxSecretBytes)),
        field_of(*ask.wanted));
  }
  const auto too_long =
      std::ranges::find_if(chosen->keys, [](const std::string& key) { return key.size() > sync::kMaxKey; });
  if (chosen->keys.size() > sync::kMaxKeys || too_long != chosen->keys.end()) {
    return refuse(
        reasons::kResourceTooLarge,
        fmt::format("secret \"{}\" ({}): at most {} keys of {} characters can be handed out, and Secret "
                    "{} has {}: divide it, or shorten them",
                    id, asked_for_by(ask), sync::kMaxKeys, sync::kMaxKey, chosen->name, chosen->keys.size()),
        field_of(*ask.wanted));
  }
  auto profile = secret_profile(*chosen, TRY(source.recipient(home.region)));
  auto& use = secrets_[profile.get()];
  use.set_name(chosen->name);
  use.set_version(chosen->version);
  // Kept alive: its address stands for it.
  secret_profiles_.push_back(profile);
  return profile;
}

std::map<std::string, std::string> Resolver::drawn_secrets(const v1::ResourceSpec& spec) const {
  std::map<std::string, std::string> drawn;
  for (const auto& [alias, resource] : spec.dependencies()) {
    const auto found = index_.find(resource);
    if (found == index_.end()) continue;
    auto content = drawn_content(graph_.nodes[found->second].spec);
    if (!content.empty()) drawn[alias] = std::move(content);
  }
  return drawn;
}

}  // namespace qleet::hub::controllers::resolution
