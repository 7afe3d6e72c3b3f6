#include "agent/engine/ledger.h"

namespace qleet::agent {

void Ledger::restore(const std::map<std::uint64_t, wire::v1::EventReport>& events) {
  events_ = events;
  if (!events_.empty()) next_event_ = events_.rbegin()->first + 1;
  for (const auto& [name, node] : graph_.nodes())
    if (node->runtime.has_report()) board_.publish(node->runtime.report(), node->runtime.acked_version());
  for (const auto& [sequence, event] : events_) board_.publish_event(sequence, event);
}

void Ledger::add_event(wire::v1::EventReport event) {
  const std::uint64_t sequence = next_event_++;
  events_[sequence] = std::move(event);
  events_changed_[sequence] = true;
  urgent_ = true;
  if (events_.size() <= max_events_) return;
  const std::uint64_t oldest = events_.begin()->first;
  events_.erase(oldest);
  events_changed_[oldest] = false;
}

void Ledger::take_confirmed(Graph& graph) {
  const auto confirmed = board_.take_confirmed();
  for (const auto& [name, version] : confirmed.versions) {
    Node* node = graph.find(name);
    if (!node || node->runtime.acked_version() == version) continue;
    node->runtime.set_acked_version(version);
    runtime_.insert(name);
  }
  for (const std::uint64_t sequence : confirmed.events)
    if (events_.erase(sequence)) events_changed_[sequence] = false;
}

Result<> Ledger::flush(JournalChanges more) {
  for (const auto& name : runtime_) {
    if (more.runtime.contains(name)) continue;
    const Node* node = graph_.find(name);
    more.runtime[name] = node ? std::optional(node->runtime) : std::nullopt;
  }
  for (const auto& [sequence, added] : events_changed_)
    more.events[sequence] = added ? std::optional(events_.at(sequence)) : std::nullopt;
  if (more.empty()) return {};
  TRY(journal_.commit(more));
  for (const auto& name : reports_)
    if (const Node* node = graph_.find(name))
      board_.publish(node->runtime.report(), node->runtime.acked_version());
  for (const auto& [sequence, added] : events_changed_) {
    if (added)
      board_.publish_event(sequence, events_.at(sequence));
    else
      board_.drop_event(sequence);
  }
  runtime_.clear();
  reports_.clear();
  events_changed_.clear();
  urgent_ = false;
  return {};
}

}  // namespace qleet::agent
