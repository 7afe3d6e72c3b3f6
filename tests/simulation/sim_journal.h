// An agent's journal, as a disk that may be full and a process that may end around any commit.
#pragma once

#include <functional>

#include "agent/journal/memory_journal.h"
#include "tests/simulation/crash.h"

namespace qleet::sim {

class SimJournal final : public agent::Journal {
 public:
  enum class Fate { kFine, kFull, kCrashBefore, kCrashAfter };

  explicit SimJournal(const crypto::Sealer& sealer) : disk_(sealer) {}

  std::function<Fate()> fate = [] { return Fate::kFine; };
  // Once set, nothing is written any more: the process is dead, and its destructors are no last will.
  bool dead = false;

  // Sabotage: secrets that are kept with data are not there any more at the next start.
  bool forgets_kept = false;
  // Sabotage: nor is that data was there before this journal.
  bool forgets_found = false;
  // After each commit that was done.
  std::function<void(const agent::JournalChanges&)> written = [](const auto&) {};

  // Another disk is there, an empty one.
  void lose() { disk_.replace({}); }
  void copy(const SimJournal& other) { disk_.replace(other.disk_.entries()); }

  Result<agent::JournalContents> load() override {
    auto contents = TRY(disk_.load());
    if (forgets_kept)
      for (auto& [name, runtime] : contents.runtime) runtime.mutable_secrets()->clear_kept();
    if (forgets_found)
      for (auto& [name, runtime] : contents.runtime) runtime.set_found(false);
    return contents;
  }
  Result<> commit(const agent::JournalChanges& changes) override {
    if (dead) return fail(Code::kUnavailable, "journal: the process has ended");
    switch (fate()) {
      case Fate::kFine:
        break;
      case Fate::kFull:
        return fail(Code::kExhausted, "journal: commit: no space left on device");
      case Fate::kCrashBefore:
        throw AgentCrash();
      case Fate::kCrashAfter:
        (void)write(changes);
        throw AgentCrash();
    }
    return write(changes);
  }
  unsigned commits() const { return disk_.commits(); }

 private:
  Result<> write(const agent::JournalChanges& changes) {
    TRY(disk_.commit(changes));
    written(changes);
    return {};
  }

  agent::MemoryJournal disk_;
};

}  // namespace qleet::sim
