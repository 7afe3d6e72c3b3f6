#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "hub/controllers/deployments.h"
#include "hub/controllers/image_digests.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/outcomes.h"
#include "hub/controllers/releases.h"
#include "hub/frontend/flatten.h"
#include "hub/frontend/operation.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::frontend {
namespace {

std::map<std::string, std::string> flat(const v1::ReleaseSpec& release) {
  auto definition = release.definition();
  definition.clear_environments();
  auto out = flatten(model::to_struct(definition));
  for (const auto& pin : release.profiles())
    out[fmt::format("profiles.{}.{}", pin.environment(), pin.name())] = fmt::format("{}", pin.generation());
  return out;
}

Result<v1::Release> release_of(const Reader& reader, const std::string& application, std::uint32_t number) {
  auto release = TRY(controllers::get_release(reader, application, number));
  if (!release)
    return fail(Code::kNotFound, fmt::format("application {} has no release {}; qleet history {} lists them",
                                             application, number, application));
  return *std::move(release);
}

void tell(const v1::ReleaseOutcome& outcome, v1::HistoryPlace& place) {
  place.set_reason(outcome.reason());
  place.set_message(outcome.message());
  *place.mutable_time() = outcome.time();
  place.set_returned_to(outcome.returned_to());
}

}  // namespace

Result<v1::History> history(const Context& context, std::string_view application) {
  const auto reader = TRY(context.store.snapshot());
  TRY(existing<v1::Application>(*reader, application));
  const auto prefix = fmt::format("{}.", application);
  const auto deployments = TRY(objects::list<v1::Deployment>(*reader, {.name_prefix = prefix}));
  auto releases = TRY(objects::list<v1::Release>(*reader, {.name_prefix = prefix}));
  std::ranges::sort(releases, std::ranges::greater(),
                    [](const auto& release) { return release.spec().number(); });
  v1::History history;
  history.set_application(std::string(application));
  for (const auto& release : releases) {
    const auto& spec = release.spec();
    auto& entry = *history.add_entries();
    entry.set_release(spec.number());
    *entry.mutable_created() = release.metadata().creation_timestamp();
    entry.set_cause(spec.cause());
    entry.set_cause_detail(spec.cause_detail());
    entry.set_created_by(spec.created_by());
    entry.set_source_revision(spec.source_revision());
    for (auto& image : controllers::in_order(spec)) *entry.add_images() = std::move(image);
    for (const auto& deployment : deployments) {
      const auto& environment = deployment.spec().environment();
      const auto add = [&](const char* state) {
        auto& place = *entry.add_places();
        place.set_environment(environment);
        place.set_state(state);
      };
      const auto number = spec.number();
      if (deployment.spec().candidate() == number) add("Candidate");
      // Where it is tried once more, that it failed before is not what there is to know of it.
      const bool wanted = deployment.spec().release() == number;
      const bool failed = deployment.status().failed_release() == number &&
                          !(wanted && controllers::needs_reconcile(deployment));
      const auto* outcome = wanted && !failed ? nullptr : controllers::find_outcome(release, environment);
      if (failed || outcome != nullptr) {
        add("Failed");
        if (outcome != nullptr) tell(*outcome, *entry.mutable_places()->rbegin());
        continue;
      }
      if (deployment.status().release() == number) {
        add("Current");
      } else if (deployment.spec().release() == number) {
        add("Wanted");
      } else if (release.status().tracked() &&
                 controllers::was_ready(release, deployment.spec().environment(), nullptr)) {
        add("WasReady");
      }
      // Until somebody applies or approves.
      if (deployment.spec().release() == number && deployment.spec().rolled_back()) add("RolledBack");
    }
    // Where the application is no longer.
    for (const auto& outcome : release.status().outcomes()) {
      if (std::ranges::any_of(deployments, [&](const auto& deployment) {
            return deployment.spec().environment() == outcome.environment();
          }))
        continue;
      auto& place = *entry.add_places();
      place.set_environment(outcome.environment());
      place.set_state(outcome.state());
      tell(outcome, place);
    }
  }
  return history;
}

Result<v1::DiffResult> diff(const Context& context, std::string_view application, uint32_t from,
                            uint32_t to) {
  const auto reader = TRY(context.store.snapshot());
  const std::string name(application);
  TRY(existing<v1::Application>(*reader, name));
  const auto before = flat(TRY(release_of(*reader, name, from)).spec());
  const auto after = flat(TRY(release_of(*reader, name, to)).spec());
  v1::DiffResult result;
  result.set_application(name);
  result.set_from(from);
  result.set_to(to);
  const auto entries = compare(before, after);
  std::string text = fmt::format("{}: release {} -> {}\n", name, from, to);
  for (const auto& entry : entries) {
    if (entry.action() == "~") {
      text += fmt::format("  ~ {}: {} -> {}\n", entry.path(), entry.before(), entry.after());
    } else {
      text += fmt::format("  {} {}: {}\n", entry.action(), entry.path(),
                          entry.action() == "+" ? entry.after() : entry.before());
    }
    *result.add_entries() = entry;
  }
  if (entries.empty()) text += "  no difference\n";
  result.set_text(text);
  return result;
}

}  // namespace qleet::hub::frontend
