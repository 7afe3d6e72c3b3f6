// Objects as they leave the hub: without secrets, with the revision that wrote them, with status that says
// its age.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/model/model.h"
#include "hub/api/seams.h"
#include "hub/store/store.h"

namespace qleet::hub::api {

// What a hidden value is shown as; refused as an input.
inline constexpr std::string_view kHidden = "***";

// Thread-safe.
class Shower {
 public:
  // `freshness` may be null. All outlive this.
  Shower(const Store& store, const Clock& clock, const Freshness* freshness)
      : store_(store), clock_(clock), freshness_(freshness) {}

  struct Shown {
    model::Object object;
    std::string etag;  // with quotes: the revision, and what reading time added to it
  };
  // `value` as stored. kInternal when it cannot be read.
  Result<Shown> show(const model::Kind& kind, std::string_view name, std::string_view value,
                     Revision revision) const;

 private:
  const Store& store_;
  const Clock& clock_;
  const Freshness* freshness_;
};

// The revision in an ETag or If-Match value ("12", W/"12", "12-Stale"); nullopt for what is none.
std::optional<Revision> etag_revision(std::string_view tag);

// What would not mean what its writer thinks: a hidden value sent back as if it were one, other rules for a
// fixed role. kInvalid.
Result<> refuse_misleading(const google::protobuf::Message& object);

}  // namespace qleet::hub::api
