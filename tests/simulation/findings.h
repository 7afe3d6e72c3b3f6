// What the checks of a history found to be wrong.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qleet::sim {

// The invariants. Each can be shown to fail: sabotage.h.
enum class Rule {
  kAcknowledged,  // a write that was acknowledged is there, and is acted upon
  kLeak,          // nothing is left that nobody wants or knows: cloud, journal, store
  kWrongDelete,   // nothing is deleted that was wanted
  kData,          // nothing that keeps data is deleted unless somebody asked for it
  kRestart,       // nothing is made anew or changed whose spec and inputs are as they were
  kStatus,        // nothing is shown as fresh or ready that is not
  kRevision,      // revisions and generations only grow
  kWatch,         // a watch sees each change once, in order
  kDesired,       // in the end the world is as desired
  kRest,          // and it comes to rest, in bounded time
  kSecret,        // a database that is said to be ready opens its data with the secret that it hands out
  kReturn,        // a release that was ready is not gone back from
  kContent,       // a release is one content, everywhere and for ever, whatever becomes of its tags
  kCopies,        // of two processes with one agent's state one serves, and the agent says so
  kRolledBack,    // what was rolled back stays, whatever is built, until somebody applies or approves
};

inline std::string_view name_of(Rule rule) {
  switch (rule) {
    case Rule::kAcknowledged:
      return "acknowledged";
    case Rule::kLeak:
      return "leak";
    case Rule::kWrongDelete:
      return "wrong-delete";
    case Rule::kData:
      return "data";
    case Rule::kRestart:
      return "restart";
    case Rule::kStatus:
      return "status";
    case Rule::kRevision:
      return "revision";
    case Rule::kWatch:
      return "watch";
    case Rule::kDesired:
      return "desired";
    case Rule::kRest:
      return "rest";
    case Rule::kSecret:
      return "secret";
    case Rule::kReturn:
      return "return";
    case Rule::kContent:
      return "content";
    case Rule::kCopies:
      return "copies";
    case Rule::kRolledBack:
      return "rolled-back";
  }
  return "?";
}

struct Finding {
  Rule rule;
  std::string what;
};

class Findings {
 public:
  // Only the first few are kept: what follows from a broken rule says little.
  void add(Rule rule, std::string what) {
    if (all_.size() < 20) all_.push_back({rule, std::move(what)});
  }
  bool any() const { return !all_.empty(); }
  const std::vector<Finding>& all() const { return all_; }

 private:
  std::vector<Finding> all_;
};

}  // namespace qleet::sim
