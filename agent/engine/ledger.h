// What changed since the last commit, on its way to the journal; what is durable, on its way to the hub.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/engine/graph.h"
#include "agent/engine/report_board.h"
#include "agent/journal/journal.h"

namespace qleet::agent {

// Owner thread only. `journal`, `graph` and `board` must outlive it.
class Ledger {
 public:
  Ledger(Journal& journal, const Graph& graph, ReportBoard& board, size_t max_events)
      : journal_(journal), graph_(graph), board_(board), max_events_(max_events) {}

  // After a restart: what the journal held is what the board shows.
  void restore(const std::map<std::uint64_t, wire::v1::EventReport>& events);

  // The node's runtime record, or its report, is not as in the journal.
  void runtime_changed(const std::string& name) {
    runtime_.insert(name);
    urgent_ = true;
  }
  void report_changed(const std::string& name) {
    runtime_changed(name);
    reports_.insert(name);
  }
  bool has_changes(const std::string& name) const { return runtime_.contains(name); }
  // The oldest are dropped when there are too many that nobody confirms.
  void add_event(wire::v1::EventReport event);
  // What the hub confirmed since the last call.
  void take_confirmed(Graph& graph);

  bool pending() const { return !runtime_.empty() || !events_changed_.empty(); }
  // Somebody waits for what is pending. What the hub confirmed can wait: were it lost, it would be confirmed
  // again.
  bool urgent() const { return urgent_; }
  // Everything that changed, and `more`, as one durable transaction; then the board shows it. On an error it
  // all stays pending.
  Result<> flush(JournalChanges more = {});

 private:
  Journal& journal_;
  const Graph& graph_;
  ReportBoard& board_;
  const size_t max_events_;
  std::set<std::string> runtime_;
  std::set<std::string> reports_;
  bool urgent_ = false;
  std::map<std::uint64_t, wire::v1::EventReport> events_;
  std::map<std::uint64_t, bool> events_changed_;  // true: added, false: ended
  std::uint64_t next_event_ = 1;
};

}  // namespace qleet::agent
