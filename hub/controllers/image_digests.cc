#include "hub/controllers/image_digests.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "hub/controllers/events.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/releases.h"

namespace qleet::hub::controllers {
namespace {

// What the release before had behind the same tag; empty where that is no news.
Result<std::string> digest_before(const Reader& reader, const v1::ReleaseSpec& release,
                                  const v1::PinnedImage& pin) {
  if (release.number() < 2) return std::string();
  const auto before = TRY(get_release(reader, release.application(), release.number() - 1));
  if (!before) return std::string();
  for (const auto& old : before->spec().images()) {
    if (old.workload() == pin.workload() && old.container() == pin.container() && is_tag_pin(old) &&
        !waits_for_digest(old) && without_digest(old.image()) == without_digest(pin.image()))
      return old.image().substr(old.image().find('@') + 1);
  }
  return std::string();
}

Result<> tell(Work& work, const v1::Deployment& deployment, const v1::ReleaseSpec& release,
              const v1::PinnedImage& pin) {
  const auto digest = pin.image().substr(pin.image().find('@') + 1);
  const auto before = TRY(digest_before(work.txn, release, pin));
  auto message = fmt::format("release {}: {} of {} is {}, as region {} found it", release.number(),
                             without_digest(pin.image()), pin.workload(), digest, pin.resolved_in());
  if (!before.empty() && before != digest) message += fmt::format("; it was pushed again, it was {}", before);
  return record_event(
      work, {"Deployment", deployment.metadata().name(), "Normal", reasons::kImageResolved, message});
}

// Deployments of the same release get its digests, too.
Result<> wake_others(Work& work, const v1::Deployment& deployment, const v1::ReleaseSpec& release) {
  for (auto& other :
       TRY(objects::list<v1::Deployment>(work.txn, {.name_prefix = release.application() + "."}))) {
    if (other.metadata().name() == deployment.metadata().name() ||
        other.spec().release() != release.number() || other.spec().deleted())
      continue;
    for (auto& condition : *other.mutable_status()->mutable_conditions())
      if (condition.type() == reasons::kResolved) condition.set_observed_generation(0);
    TRY(objects::put_status(work.txn, other));
  }
  return {};
}

}  // namespace

bool tells_images(const ResourceView& resource) {
  return resource.type == "workload" && !resource.status.images().empty() &&
         resource.status.observed_generation() == resource.generation &&
         resource.status.observed_hash() == resource.hash;
}

Result<> record_digests(Work& work, const v1::Deployment& deployment, v1::Release& release) {
  if (!waits_for_digest(release.spec())) return {};
  const auto before = release;
  std::vector<v1::PinnedImage> filled;
  for (const auto& region : deployment.status().regions()) {
    if (region.release() != release.spec().number()) continue;
    for (const auto& resource : TRY(resources_of(work.txn, deployment.metadata().name(), region.region()))) {
      if (!tells_images(resource)) continue;
      for (const auto& [container, image] : resource.status.images())
        fill_in(*release.mutable_spec(), resource.id, container, image, region.region());
    }
  }
  for (int i = 0; i < release.spec().images_size(); ++i) {
    if (waits_for_digest(before.spec().images(i)) && !waits_for_digest(release.spec().images(i)))
      filled.push_back(release.spec().images(i));
  }
  if (filled.empty()) return {};
  TRY(objects::put(work.txn, release, work.stamp));
  for (const auto& pin : filled) TRY(tell(work, deployment, release.spec(), pin));
  return wake_others(work, deployment, release.spec());
}

bool was_ready(const v1::Release& release, const std::string& environment, const v1::Deployment* deployment) {
  const auto& status = release.status();
  if (!status.tracked()) return true;
  if (deployment != nullptr && deployment->status().release() == release.spec().number()) return true;
  return std::ranges::find(status.ready_in(), environment) != status.ready_in().end();
}

std::uint64_t made_at(const v1::Release& release) {
  const auto noted = release.status().made_at();
  return noted != 0 ? noted : release.metadata().resource_version();
}

}  // namespace qleet::hub::controllers
