// Digests that agents report for images named by a tag, on their way into the release that waits for them.
//
// Whoever reports first says what the release is, in every region and environment, from then on: an agent
// starts nothing by a tag, but only once the digest is recorded and has come back to it. So it does not
// matter which regions are asked, how many at once, or which of their reports are lost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/health.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// What a resource says of its images, if that is about what is wanted of it now.
bool tells_images(const ResourceView& resource);

// Takes over what the regions of `deployment` that have `release` found, and has the other deployments that
// want it reconciled. `release` is as it then stands in the store.
Result<> record_digests(Work& work, const v1::Deployment& deployment, v1::Release& release);

// Whether it was ever ready in that environment; true where nobody noted it. `deployment`: of that
// environment; may be null.
bool was_ready(const v1::Release& release, const std::string& environment, const v1::Deployment* deployment);

// Of the store that made the release: what is older was known to it.
std::uint64_t made_at(const v1::Release& release);

}  // namespace qleet::hub::controllers
