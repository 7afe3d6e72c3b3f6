// What becomes of entries of the journal that cannot be read: nothing is deleted for it, and no secret is
// made anew over data that may be there. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "common/result/result.h"

namespace qleet::agent {

// For people.
struct Damage {
  std::string name;  // of the resource; empty: about the journal
  std::string message;
};

// Puts into `contents` what stands for the damaged entries from now on, and into `boot` what the journal is
// to hold instead of them:
// * of what was wanted, a stub: held, stated by no hub, live. It is kept as it is until a hub states it
// again,
//   and a tombstone that is the first word on it is not honoured;
// * of what was done, a record that says that it is lost: something may exist.
std::vector<Damage> take_damage(JournalContents& contents, JournalChanges& boot);

// It stands for an entry that was lost: nobody knows what is wanted.
bool is_stub(const v1::Desired& desired);
Error stub_error();
// Of a resource whose record was lost, and which needs a secret that was in it.
Error lost_error(const std::string& secret);

}  // namespace qleet::agent
