// Answers to SyncRequests, out of one snapshot of the store. Pure but for that Reader.
#pragma once

#include <string>
#include <vector>

#include "common/sync/digest.h"
#include "hub/dispatch/desired_index.h"
#include "hub/dispatch/messages.h"
#include "hub/store/store.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

struct SyncLimits {
  // One answer ends (with `more`) behind the first revision that goes over either.
  size_t max_resources = 2000;
  size_t max_bytes = 4 << 20;
};

struct SyncContext {
  std::string region;
  StoreIdentity identity;
  RegionView view;  // of the region, at the reader's revision
  SyncLimits limits;
  Recipient recipient = {};
};

// The batches, in order; index, protocol and epoch are set. The last one has `last`. A request of another
// epoch than the hub's is answered from the beginning; one with a manifest by the differences in its range.
// Errors are those of the reader, or kInvalid for a request that cannot be meant.
Result<std::vector<wire::v1::SyncBatch>> answer_sync(const Reader& reader, const SyncContext& context,
                                                     const wire::v1::SyncRequest& request);

// To an agent of an epoch that this store does not descend from: what this one is, and nothing else. If it
// may enter it, it asks again.
wire::v1::SyncBatch enter_sync(const StoreIdentity& identity);

// The one batch that says no.
wire::v1::SyncBatch refuse_sync(const StoreIdentity& identity, std::string_view code, std::string_view why);

}  // namespace qleet::hub
