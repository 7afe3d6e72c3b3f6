// What became of a release in its environments, kept on the release: it stays when others follow. All within
// the caller's transaction; a release that is not there any more is left at that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// It was complete in every region of the environment: once is enough. What failed there before has not.
Result<> note_ready(Work& work, const std::string& application, std::uint32_t release,
                    const std::string& environment);

struct Failure {
  std::string environment;
  std::string_view reason;  // common/model/reasons.h
  std::string message;
};
// It did not become ready. `again`: it was tried once more since what is noted, and failed now.
Result<> note_failed(Work& work, const std::string& application, std::uint32_t release,
                     const Failure& failure, bool again);

// The hub went back from it to `good`.
Result<> note_returned(Work& work, const std::string& application, std::uint32_t release,
                       const std::string& environment, std::uint32_t good);

// Null: none is noted.
const v1::ReleaseOutcome* find_outcome(const v1::Release& release, std::string_view environment);

}  // namespace qleet::hub::controllers
