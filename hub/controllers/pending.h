// Deployments whose edges (x/ref) may lag behind what they ask for: something was written that they depend
// on, and their reconciliation, which is a transaction of its own, is still to come. Until then nothing that
// they may ask for becomes a tombstone: it could have been wanted again, and acknowledged, a moment before it
// was due.
//
// The mark is made in the transaction that writes what they depend on, and goes with the reconciliation.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::hub::controllers {

// Writes the deployment, and marks it where that is to be followed by a reconciliation.
Result<> put_deployment(Work& work, v1::Deployment& deployment);

// All that may ask for something else now that this was written.
Result<> mark_environment(Txn& txn, const std::string& environment);
Result<> mark_region(Txn& txn, const std::string& region);
Result<> mark_profile(Txn& txn, const v1::Profile* before, const v1::Profile& after);

// What it asks for may be another thing now: it is to be reconciled, whatever it knows.
Result<> reconcile_again(Work& work, const std::string& deployment);

// Reconciled. `waits`: there are regions that do not have the wanted release yet.
void unmark(Txn& txn, const std::string& deployment, bool waits);

// Whether its reconciliation is still to come.
Result<bool> is_pending(const Reader& reader, std::string_view deployment);

// A deployment that may ask for this resource, which its edges do not say yet.
Result<std::optional<std::string>> may_be_asked_for(const Reader& reader, const v1::ResourceSpec& resource);

}  // namespace qleet::hub::controllers
