#include "agent/journal/epoch_order.h"

#include "common/sync/accept.h"

namespace qleet::agent {

Result<bool> order_epoch(Journal& journal, const std::string& epoch) {
  if (epoch.empty() || epoch.size() > sync::kMaxWord)
    return fail(Code::kInvalid,
                "\"" + epoch + "\" is no epoch: give the one that qleet describe agent NAME shows");
  auto contents = TRY(journal.load());
  if (!contents.damaged.empty())
    return fail(Code::kConflict, contents.damaged.front().why +
                                     ": the journal is damaged; start the agent once, which repairs it");
  if (contents.meta.epoch() == epoch) return false;
  const auto known = sync::known_after_order(
      {contents.meta.epoch(), {contents.meta.lineage().begin(), contents.meta.lineage().end()}}, epoch);
  JournalChanges changes;
  changes.meta = std::move(contents.meta);
  changes.meta->set_epoch(known.current);
  changes.meta->mutable_lineage()->Assign(known.lineage.begin(), known.lineage.end());
  changes.meta->set_position(0);
  for (auto& [name, desired] : contents.desired) {
    desired.clear_epoch();
    desired.clear_kept();
    changes.desired[name] = std::move(desired);
  }
  for (auto& [name, runtime] : contents.runtime) {
    runtime.set_acked_version(0);
    changes.runtime[name] = std::move(runtime);
  }
  TRY(journal.commit(changes));
  return true;
}

}  // namespace qleet::agent
