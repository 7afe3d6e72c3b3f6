#include "hub/controllers/image_pins.h"

#include <algorithm>
#include <map>

#include "common/model/image_name.h"
#include "hub/controllers/delivery.h"

namespace qleet::hub::controllers {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";
constexpr size_t kDigestLength = kAlgorithm.size() + 64;

template <class Pins>
const v1::PinnedImage* find_pin(const Pins& pins, std::string_view workload, std::string_view container) {
  const auto found = std::ranges::find_if(pins, [&](const v1::PinnedImage& pin) {
    return pin.workload() == workload && pin.container() == container;
  });
  return found == pins.end() ? nullptr : &*found;
}

bool is_digest(std::string_view text) {
  return text.size() == kDigestLength && text.starts_with(kAlgorithm) &&
         text.find_first_not_of("0123456789abcdef", kAlgorithm.size()) == std::string_view::npos;
}

// However the repository is written.
bool same_tag(std::string_view a, std::string_view b) {
  const auto one = model::split_image(a);
  const auto other = model::split_image(b);
  return one.tag == other.tag && model::same_repository(one.repository, other.repository);
}

}  // namespace

bool named_by_tag(std::string_view image) {
  // "." and placeholders: somebody else says what is to be run.
  return !image.empty() && image != "." && image.find_first_of("@${} \t\n") == std::string_view::npos;
}

std::string without_digest(std::string_view image) { return std::string(image.substr(0, image.find('@'))); }

bool is_tag_pin(const v1::PinnedImage& pin) { return pin.build().empty(); }

bool waits_for_digest(const v1::PinnedImage& pin) {
  return is_tag_pin(pin) && pin.image().find('@') == std::string::npos;
}

bool waits_for_digest(const v1::ReleaseSpec& release, std::string_view workload) {
  return std::ranges::any_of(release.images(), [&](const v1::PinnedImage& pin) {
    return waits_for_digest(pin) && (workload.empty() || pin.workload() == workload);
  });
}

bool looks_up_again(const v1::ImagePolicy& policy, bool applied) {
  return applied && policy.repushed() == "release";
}

std::vector<v1::PinnedImage> pin_tags(const v1::ApplicationSpec& spec,
                                      const std::vector<v1::PinnedImage>& builds,
                                      const std::vector<v1::PinnedImage>& previous, bool again) {
  std::map<std::pair<std::string, std::string>, std::string> named;  // workload, container -> image
  for (const auto& [workload, definition] : spec.workloads()) {
    for (const auto& [container, one] : definition.score().containers()) {
      if (named_by_tag(one.image()) && find_pin(builds, workload, container) == nullptr)
        named[{workload, container}] = one.image();
    }
  }
  std::vector<v1::PinnedImage> pins;
  for (const auto& [place, image] : named) {
    auto& pin = pins.emplace_back();
    pin.set_workload(place.first);
    pin.set_container(place.second);
    pin.set_image(image);
    const auto* before = find_pin(previous, place.first, place.second);
    if (before == nullptr || !is_tag_pin(*before) || !same_tag(without_digest(before->image()), image))
      continue;
    if (again && !waits_for_digest(*before)) {
      pin.set_again(true);
    } else {
      pin = *before;
    }
  }
  return pins;
}

std::vector<v1::PinnedImage> in_order(const v1::ReleaseSpec& release) {
  std::vector<v1::PinnedImage> pins(release.images().begin(), release.images().end());
  std::ranges::sort(pins, {}, [](const auto& pin) { return std::pair(pin.workload(), pin.container()); });
  return pins;
}

v1::ApplicationSpec as_written(const v1::ReleaseSpec& release) {
  std::vector<v1::PinnedImage> tags;
  for (const auto& pin : release.images()) {
    if (!is_tag_pin(pin)) continue;
    auto& tag = tags.emplace_back(pin);
    tag.set_image(without_digest(pin.image()));
  }
  return with_images(release.definition(), tags);
}

bool same_but_repushed(const std::string& environment, const v1::ReleaseSpec& a, const v1::ReleaseSpec& b) {
  const auto written = [](const v1::ReleaseSpec& release) {
    v1::ReleaseSpec out;
    *out.mutable_definition() = as_written(release);
    *out.mutable_profiles() = release.profiles();
    return out;
  };
  return same_in(environment, written(a), written(b));
}

std::string resolve_images(const v1::ReleaseSpec& release, std::string_view workload) {
  std::string how;
  for (const auto& pin : release.images()) {
    if (pin.workload() != workload || !waits_for_digest(pin)) continue;
    if (pin.again()) return "again";
    how = "once";
  }
  return how;
}

bool fill_in(v1::ReleaseSpec& release, std::string_view workload, const std::string& container,
             const std::string& image, std::string_view region) {
  for (auto& pin : *release.mutable_images()) {
    if (pin.workload() != workload || pin.container() != container || !waits_for_digest(pin)) continue;
    const auto at = image.find('@');
    if (at == std::string::npos || image.substr(0, at) != pin.image() || !is_digest(image.substr(at + 1)))
      return false;
    pin.set_image(image);
    pin.set_resolved_in(std::string(region));
    pin.clear_again();
    *release.mutable_definition() = with_images(release.definition(), {pin});
    return true;
  }
  return false;
}

}  // namespace qleet::hub::controllers
