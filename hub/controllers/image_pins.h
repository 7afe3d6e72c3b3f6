// Which content the images of a release have. Pure.
//
// An image that the definition names by a digest is run as it is written. One that it names by a tag gets a
// pin of its own: without a digest at first, which is filled in once, by the agent that needs it first
// (image_digests.h). The pin of a new release:
//
//   pin of the same tag before    repushed   applied now    the new release's
//   none                          any        any            waits for its digest
//   waits for its digest          any        any            the same
//   has a digest                  ignore     any            the same
//   has a digest                  release    no             the same
//   has a digest                  release    yes            waits: the tag is looked up again in its registry
//
// "applied now": somebody applied the application in this operation, changed or not. Builds, profiles and
// rollbacks never look a tag up again. "repushed" is release where any of the application's environments says
// so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::controllers {

// Whether an image is a reference that names no digest.
bool named_by_tag(std::string_view image);
// "repository[:tag]".
std::string without_digest(std::string_view image);

// Of a tag; false: a build named it.
bool is_tag_pin(const v1::PinnedImage& pin);
bool waits_for_digest(const v1::PinnedImage& pin);
// Whether images of that workload wait; of any, where it is empty.
bool waits_for_digest(const v1::ReleaseSpec& release, std::string_view workload = {});

bool looks_up_again(const v1::ImagePolicy& policy, bool applied);

// Pins of tags by workload and container. `spec`: as people wrote it, with the images of `builds` in place.
std::vector<v1::PinnedImage> pin_tags(const v1::ApplicationSpec& spec,
                                      const std::vector<v1::PinnedImage>& builds,
                                      const std::vector<v1::PinnedImage>& previous, bool again);

// As people are shown them: by workload and container. The release has those of builds first.
std::vector<v1::PinnedImage> in_order(const v1::ReleaseSpec& release);

// The definition as it was written: digests found for tags taken out.
v1::ApplicationSpec as_written(const v1::ReleaseSpec& release);

// True where both mean the same in that environment, but for what is behind the same tags.
bool same_but_repushed(const std::string& environment, const v1::ReleaseSpec& a, const v1::ReleaseSpec& b);

// ResourceSpec.resolve_images of a workload.
std::string resolve_images(const v1::ReleaseSpec& release, std::string_view workload);

// Takes over a digest that an agent found: in pin and definition, once. False: nothing waits for it.
bool fill_in(v1::ReleaseSpec& release, std::string_view workload, const std::string& container,
             const std::string& image, std::string_view region);

}  // namespace qleet::hub::controllers
