#include "hub/controllers/releases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/clock/duration.h"
#include "common/model/image_name.h"
#include "hub/controllers/askers.h"
#include "hub/controllers/delivery_run.h"
#include "hub/controllers/events.h"
#include "hub/controllers/image_digests.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/places.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/store_sources.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

std::vector<std::string> regions_of(const v1::Deployment* deployment) {
  std::vector<std::string> names;
  if (deployment == nullptr) return names;
  for (const auto& region : deployment->status().regions()) {
    if (region.state() != "Leaving") names.push_back(region.region());
  }
  return names;
}

// Whether that is what a build's image was made of: names its tag or digest.
bool names_pin(std::string_view image, const v1::PinnedImage& pin) {
  const auto named = model::split_image(image);
  const auto pinned = model::split_image(pin.image());
  const bool same = named.digest.empty() ? named.tag == pinned.tag : named.digest == pinned.digest;
  return same && model::same_repository(named.repository, pinned.repository);
}

}  // namespace

Result<> Delivery::load() {
  const auto& name = app_.metadata().name();
  for (auto& deployment : TRY(objects::list<v1::Deployment>(work_.txn, {.name_prefix = name + "."})))
    deployments_[deployment.spec().environment()] = std::move(deployment);
  if (app_.status().latest_release() != 0)
    head_ = TRY(get_release(work_.txn, name, app_.status().latest_release()));
  for (const auto& environment : environments_of(app_.spec()))
    environments_[environment] = TRY(objects::get<v1::Environment>(work_.txn, environment));
  return {};
}

v1::Deployment& Delivery::deployment(const std::string& environment) {
  auto& found = deployments_[environment];
  if (found.metadata().name().empty()) {
    found.mutable_metadata()->set_name(deployment_name(app_.metadata().name(), environment));
    (*found.mutable_metadata()->mutable_labels())["application"] = app_.metadata().name();
    (*found.mutable_metadata()->mutable_labels())["environment"] = environment;
    found.mutable_spec()->set_application(app_.metadata().name());
    found.mutable_spec()->set_environment(environment);
  }
  return found;
}

// What every environment would resolve to now.
Result<std::set<ProfilePin>> Delivery::current_pins(const v1::ApplicationSpec& definition) {
  std::set<ProfilePin> pins;
  StoreProfiles profiles(work_.txn);
  StoreSources sources(work_.txn);
  for (const auto& [name, environment] : environments_) {
    if (!environment) continue;
    const auto known = deployments_.find(name);
    const auto current = regions_of(known == deployments_.end() ? nullptr : &known->second);
    const auto places = TRY(find_places(work_.txn, *environment, current, definition.regions()));
    std::set<std::string> seen;
    for (const auto& region_name : places.placement.regions) {
      const auto& region = places.regions.at(region_name);
      if (!seen.insert(label_key(region)).second) continue;
      const auto graph =
          TRY(resolve(sources.input(app_.metadata().name(), definition, *environment, region, profiles)));
      for (const auto& profile : graph.profiles)
        pins.emplace(name, profile->metadata().name(), profile->metadata().generation());
    }
  }
  return pins;
}

// Whether something that was written after the newest release makes its profiles outdated. What is older was
// known when that release was made: a rollback to older profiles stays. A region that joins brings profiles
// of its own and makes no release; an environment that chooses another profile instead of one that is pinned
// does.
Result<bool> Delivery::profiles_changed(const std::set<ProfilePin>& pins) {
  const auto since = made_at(*head_);
  std::set<ProfilePin> held;
  for (const auto& pin : head_->spec().profiles())
    held.emplace(pin.environment(), pin.name(), pin.generation());
  std::set<std::pair<std::string, std::string>> chosen;        // environment, profile
  std::set<std::pair<std::string, std::string>> chosen_types;  // environment, type of what was not held
  for (const auto& [environment, name, generation] : pins) {
    chosen.emplace(environment, name);
    if (held.contains({environment, name, generation})) continue;
    const auto profile = TRY(objects::get<v1::Profile>(work_.txn, name));
    if (!profile) continue;
    if (profile->metadata().resource_version() > since) return true;
    chosen_types.emplace(environment, profile->spec().satisfies().type());
  }
  for (const auto& [environment, name, generation] : held) {
    const auto known = environments_.find(environment);
    if (known == environments_.end() || !known->second || chosen.contains({environment, name})) continue;
    const auto now = TRY(objects::get<v1::Profile>(work_.txn, name));
    const bool profile_changed = !now || now->metadata().resource_version() > since;
    if (!profile_changed && known->second->metadata().resource_version() <= since) continue;
    const auto profile = TRY(profile_at(work_.txn, name, generation));
    if (profile && chosen_types.contains({environment, profile->spec().satisfies().type()})) return true;
  }
  return false;
}

Result<bool> Delivery::any_asks_for_roles() {
  return std::ranges::any_of(TRY(objects::list<v1::Profile>(work_.txn)), asks_for_roles);
}

// Of profiles that are kept to roles, those that the newest release does not pin: nobody who applied it was
// asked for his roles yet.
Result<std::set<ProfilePin>> Delivery::not_asked_for(const std::set<ProfilePin>& pins) {
  std::set<std::pair<std::string, std::string>> held;
  if (head_)
    for (const auto& pin : head_->spec().profiles()) held.emplace(pin.environment(), pin.name());
  std::set<ProfilePin> found;
  for (const auto& pin : pins) {
    const auto& [environment, name, generation] = pin;
    if (held.contains({environment, name})) continue;
    const auto profile = TRY(profile_at(work_.txn, name, generation));
    if (profile && asks_for_roles(*profile)) found.insert(pin);
  }
  return found;
}

// False where no profile and no environment was written since the newest release: then resolving again tells
// nothing.
Result<bool> Delivery::may_differ() {
  const auto since = made_at(*head_);
  const auto changed = TRY(work_.txn.get(kProfilesChanged));
  if (!changed || changed->revision > since) return true;
  return std::ranges::any_of(environments_, [&](const auto& entry) {
    return !entry.second || entry.second->metadata().resource_version() > since;
  });
}

// Whether tags are to be looked up again, and there are any that were.
bool Delivery::looks_again(const Cause& cause) const {
  return head_ &&
         std::ranges::any_of(head_->spec().images(),
                             [](const auto& pin) { return is_tag_pin(pin) && !waits_for_digest(pin); }) &&
         std::ranges::any_of(environments_, [&](const auto& entry) {
           return entry.second && looks_up_again(entry.second->spec().images(), cause.asked);
         });
}

bool Delivery::any_rolled_back() const {
  return std::ranges::any_of(deployments_, [](const auto& one) { return one.second.spec().rolled_back(); });
}

// A build of the same content may have come after the one that is pinned, and made no release: its place in
// the order counts.
Result<> Delivery::raise_orders(std::vector<v1::PinnedImage>& pins, const v1::BuildSpec& build) {
  if (build.number() == 0 && !build.has_revision_time()) return {};
  const auto known = TRY(builds_of(work_.txn, build.image()));
  for (auto& pin : pins) {
    const auto name = model::split_image(pin.image());
    for (const auto& other : known) {
      if (other.spec.digest() != name.digest || !model::same_repository(other.spec.image(), name.repository))
        continue;
      if (!is_before(order_of(pin), order_of(other.spec))) continue;
      pin.set_number(other.spec.number());
      pin.clear_revision_time();
      if (other.spec.has_revision_time()) *pin.mutable_revision_time() = other.spec.revision_time();
    }
  }
  return {};
}

// Of workloads that run a build already: where the file names another image than it did before, which changes
// nothing.
void Delivery::warn_of_followed(const v1::ApplicationSpec& before, const v1::ApplicationSpec& written,
                                const std::vector<v1::PinnedImage>& pins) {
  const auto image_in = [](const v1::ApplicationSpec& spec, const v1::PinnedImage& pin) {
    const auto workload = spec.workloads().find(pin.workload());
    if (workload == spec.workloads().end()) return std::string();
    const auto& containers = workload->second.score().containers();
    const auto container = containers.find(pin.container());
    return container == containers.end() ? std::string() : container->second.image();
  };
  for (const auto& pin : pins) {
    const bool ran = std::ranges::any_of(pinned_, [&](const v1::PinnedImage& known) {
      return known.workload() == pin.workload() && known.container() == pin.container() &&
             known.image() == pin.image();
    });
    const auto image = image_in(written, pin);
    const auto image_before = image_in(before, pin);
    if (!ran || image_before.empty() || image == image_before || names_pin(image, pin)) continue;
    const auto runs = model::split_image(pin.image());
    const auto stays = fmt::format(
        "stays at {}, a build that it follows; to go back: qleet rollback {}; to go on to another one, "
        "notify "
        "of that build",
        runs.tag.empty() ? runs.digest : runs.tag, app_.metadata().name());
    warnings_.push_back(fmt::format("application {}: workload {} names image {}, and {}",
                                    app_.metadata().name(), pin.workload(), image, stays));
    stays_.push_back(fmt::format("workload {} {}", pin.workload(), stays));
  }
}

// Of workloads that had no build before: where the file names another tag than the one that they start with.
void Delivery::warn_of_remembered(const v1::ApplicationSpec& written,
                                  const std::vector<v1::PinnedImage>& before,
                                  const std::vector<v1::PinnedImage>& pins) {
  for (const auto& pin : pins) {
    if (std::ranges::find(before, pin.workload(), &v1::PinnedImage::workload) != before.end()) continue;
    const auto& workload = written.workloads().at(pin.workload());
    const auto container = workload.score().containers().find(pin.container());
    if (container == workload.score().containers().end()) continue;
    const auto& image = container->second.image();
    const auto named = model::split_image(image);
    const auto starts = model::split_image(pin.image());
    if (named.tag.empty() && named.digest.empty()) continue;
    if (names_pin(image, pin)) continue;
    warnings_.push_back(fmt::format(
        "application {}: workload {} names image {}, and starts with {}, the newest build that it follows; "
        "to start "
        "with another one, notify of that build again, or narrow builds.tags",
        app_.metadata().name(), pin.workload(), image, starts.tag.empty() ? starts.digest : starts.tag));
  }
}

// Whether the newest release has the content of that build.
bool Delivery::has_already(const v1::BuildSpec& build) const {
  return std::ranges::any_of(pinned_, [&](const v1::PinnedImage& pin) {
    const auto name = model::split_image(pin.image());
    return name.digest == build.digest() && model::same_repository(name.repository, build.image());
  });
}

// What `cause` names changed nothing: why not.
std::string Delivery::why_unchanged(const Cause& cause) const {
  if (!cause.build && !stays_.empty()) return fmt::format("{}", fmt::join(stays_, "; "));
  if (!cause.build) return fmt::format("release {} is what is asked for already", head_->spec().number());
  const auto& build = cause.build->spec;
  const auto label = [](const std::string& tag, const std::string& digest, const BuildOrder& order) {
    auto text = tag.empty() ? digest.substr(0, 19) : tag;
    if (order.number != 0) return fmt::format("{} (number {})", text, order.number);
    return order.time ? fmt::format("{} (of {})", text, format_time(*order.time)) : text;
  };
  const auto known = label(build.tag(), build.digest(), order_of(build));
  for (const auto& pin : pinned_) {
    const auto workload = app_.spec().workloads().find(pin.workload());
    if (workload == app_.spec().workloads().end() || !follows(workload->second, build)) continue;
    const auto name = model::split_image(pin.image());
    if (name.digest == build.digest())
      return fmt::format("{} is what release {} has already", known, head_->spec().number());
    if (is_before(order_of(build), order_of(pin)))
      return fmt::format("{} is older than {}, which release {} has; to go back: qleet rollback {}", known,
                         label(name.tag, name.digest, order_of(pin)), head_->spec().number(),
                         app_.metadata().name());
  }
  return fmt::format("no container of {} takes {}", app_.metadata().name(), known);
}

// A candidate of before goes on waiting.
void Delivery::waits(const std::string& environment, const v1::DeploymentSpec& spec) {
  const auto& known = environments_.at(environment);
  const bool approval = known && known->spec().builds().by() == "approval";
  states_[environment] = spec.candidate_waits() != "approval" ? "AwaitingEnvironment"
                         : spec.rolled_back() && !approval    ? "HeldBack"
                                                              : "AwaitingApproval";
  reasons_[environment] = held_back(spec);
}

// Fills in fresh_ where there is to be a release.
Result<> Delivery::draft(const Cause& cause) {
  // What was rolled back gives way to what the application says, once somebody applies it, changed or not.
  const bool applied = !head_ || app_.metadata().generation() > head_->spec().application_generation() ||
                       (cause.asked && any_rolled_back());
  const bool again = looks_again(cause);
  if (!applied && !cause.build && !again && !TRY(may_differ()) && !(cause.asked && TRY(any_asks_for_roles())))
    return {};
  auto base = applied ? app_.spec() : as_written(head_->spec());
  std::vector<v1::PinnedImage> previous;  // by builds
  std::vector<v1::PinnedImage> previous_tags;
  if (head_) {
    for (const auto& pin : head_->spec().images())
      (is_tag_pin(pin) ? previous_tags : previous).push_back(pin);
  }

  std::vector<NamedBuild> builds;
  if (cause.build) {
    TRY(raise_orders(previous, cause.build->spec));
    builds.push_back(*cause.build);
  }
  pinned_ = previous;
  if (applied) {
    std::set<std::string> images;
    for (const auto& [name, workload] : base.workloads()) {
      const auto kept = pin_images(app_.metadata().name(), base, previous, {});
      const bool pinned = std::ranges::find(kept, name, &v1::PinnedImage::workload) != kept.end();
      if (workload.has_builds() && !pinned) images.insert(workload.builds().image());
    }
    for (const auto& image : images) {
      auto known = TRY(builds_of(work_.txn, image));
      builds.insert(builds.begin(), known.begin(), known.end());
    }
  }
  v1::ReleaseSpec spec;
  auto images = pin_images(app_.metadata().name(), base, previous, builds);
  if (!cause.build) warn_of_remembered(base, previous, images);
  if (cause.before) warn_of_followed(*cause.before, base, images);
  base = with_images(std::move(base), images);
  for (auto& pin : pin_tags(base, images, previous_tags, again)) images.push_back(std::move(pin));
  *spec.mutable_definition() = with_images(std::move(base), images);
  *spec.mutable_definition()->mutable_environments() = app_.spec().environments();
  for (const auto& image : images) *spec.add_images() = image;

  auto pins = TRY(current_pins(spec.definition()));
  // Who applies is asked for his roles, and that he has them is what the pins say.
  const auto fresh_pins = TRY(not_asked_for(pins));
  const bool grants = cause.asked && !fresh_pins.empty();
  if (!cause.asked) std::erase_if(pins, [&](const ProfilePin& pin) { return fresh_pins.contains(pin); });
  const bool profiles = head_ && (grants || TRY(profiles_changed(pins)));
  if (!head_ || applied || profiles) {
    for (const auto& [environment, name, generation] : pins) {
      auto& pin = *spec.add_profiles();
      pin.set_environment(environment);
      pin.set_name(name);
      pin.set_generation(generation);
    }
  } else {
    *spec.mutable_profiles() = head_->spec().profiles();
  }
  // An environment that was added needs its own pins, not a release of its own.
  if (head_ && !profiles &&
      same_content(
          [&] {
            auto same_pins = spec;
            *same_pins.mutable_profiles() = head_->spec().profiles();
            return same_pins;
          }(),
          head_->spec()))
    return {};
  spec.set_application(app_.metadata().name());
  spec.set_application_generation(app_.metadata().generation());
  spec.set_created_by(cause.subject);
  if (cause.build) {
    spec.set_cause("build");
    spec.set_cause_detail(cause.build->name);
    spec.set_source_revision(cause.build->spec.revision());
  } else if (applied || again || grants) {
    spec.set_cause("apply");
    spec.set_cause_detail(
        fmt::format("generation {}{}", app_.metadata().generation(), again ? "; tags looked up again" : ""));
  } else {
    spec.set_cause("profile");
  }
  fresh_ = std::move(spec);
  return {};
}

Result<> Delivery::record(const v1::ReleaseSpec& spec) {
  v1::Release release;
  *release.mutable_spec() = spec;
  release.mutable_status()->set_tracked(true);
  release.mutable_status()->set_made_at(work_.txn.revision());
  const auto& name = app_.metadata().name();
  const auto number = TRY(next_number(work_.txn, "release/" + name));
  release.mutable_spec()->set_number(static_cast<std::uint32_t>(number));
  release.mutable_metadata()->set_name(release_name(name, release.spec().number()));
  (*release.mutable_metadata()->mutable_labels())["application"] = name;
  TRY(objects::put(work_.txn, release, work_.stamp));
  head_ = std::move(release);
  return {};
}

Result<> Delivery::publish(const Cause& cause) {
  TRY(draft(cause));
  if (!fresh_) return {};
  TRY(record(*fresh_));
  app_.mutable_status()->set_latest_release(head_->spec().number());
  return {};
}

Result<> Delivery::offer_all(const Cause& cause) {
  if (!head_) return {};
  const auto number = head_->spec().number();
  for (const auto& [name, environment] : environments_) {
    auto& target = deployment(name);
    const bool returned = target.spec().returned_from() != 0;
    // What went back from a release that failed does not try it again for a profile's sake, but where
    // somebody asks.
    const bool fresh = fresh_ && !(returned && fresh_->cause() == "profile");
    const bool is_new = fresh || (cause.asked && (returned || target.spec().rolled_back())) ||
                        target.metadata().uid().empty() || target.spec().deleted();
    if (!is_new) {
      // Of a build that comes late what waits is another one.
      if (target.spec().candidate() != 0 && (!cause.build || has_already(cause.build->spec))) {
        waits(name, target.spec());
      } else {
        states_[name] = "Unchanged";
        reasons_[name] = target.spec().rolled_back()
                             ? fmt::format("{}; {}", why_unchanged(cause), held_back(target.spec()))
                             : why_unchanged(cause);
      }
      continue;
    }
    bool affects = true;
    if (target.spec().release() != 0 && !target.spec().deleted()) {
      const auto running = TRY(get_release(work_.txn, app_.metadata().name(), target.spec().release()));
      const bool repushes = environment && environment->spec().images().repushed() == "release";
      affects = !running || !(repushes ? same_in(name, running->spec(), head_->spec())
                                       : same_but_repushed(name, running->spec(), head_->spec()));
    } else if (target.spec().release() == number) {
      affects = false;
    }
    const auto result = offer(target.spec(), environment ? environment->spec().builds() : v1::BuildPolicy(),
                              number, affects, cause.asked);
    *target.mutable_spec() = result.spec;
    states_[name] = result.state;
    reasons_[name] = affects ? held_back(result.spec)
                             : fmt::format("release {} changes nothing here: release {} means the same",
                                           number, result.spec.release());
    TRY(put_deployment(work_, target));
  }
  return {};
}

Result<> Delivery::drop_unwanted() {
  for (auto& [name, target] : deployments_) {
    if (environments_.contains(name) || target.spec().deleted()) continue;
    auto& spec = *target.mutable_spec();
    spec.set_deleted(true);
    spec.set_candidate(0);
    spec.clear_candidate_waits();
    TRY(put_deployment(work_, target));
  }
  return {};
}

Result<std::vector<v1::DeliveryAnswer>> Delivery::answers() {
  std::vector<v1::DeliveryAnswer> all;
  for (const auto& [name, state] : states_) {
    v1::DeliveryAnswer answer;
    answer.set_application(app_.metadata().name());
    answer.set_environment(name);
    const auto& spec = deployments_.at(name).spec();
    answer.set_release(spec.candidate() != 0 ? spec.candidate() : spec.release());
    answer.set_state(state);
    if (const auto reason = reasons_.find(name); reason != reasons_.end()) answer.set_reason(reason->second);
    all.push_back(std::move(answer));
  }
  return all;
}

std::string release_name(std::string_view application, std::uint32_t number) {
  return fmt::format("{}.{}", application, number);
}

std::string deployment_name(std::string_view application, std::string_view environment) {
  return fmt::format("{}.{}", application, environment);
}

Result<std::optional<v1::Release>> get_release(const Reader& reader, std::string_view application,
                                               std::uint32_t number) {
  return objects::get<v1::Release>(reader, release_name(application, number));
}

Result<Delivered> deliver(Work& work, const std::string& application, const Cause& cause) {
  auto app = TRY(objects::get<v1::Application>(work.txn, application));
  if (!app || app->metadata().has_deletion_timestamp()) return Delivered();
  Delivery delivery(work, *app);
  TRY(delivery.load());
  TRY(delivery.publish(cause));
  TRY(delivery.offer_all(cause));
  TRY(delivery.drop_unwanted());
  app->mutable_status()->set_observed_generation(app->metadata().generation());
  TRY(objects::put_status(work.txn, *app));
  return Delivered{TRY(delivery.answers()), std::move(delivery.warnings_)};
}

}  // namespace qleet::hub::controllers
