// Which replicas to make, drain and stop next: a pure function over what is there, so that every order of
// events stands in a table (tests/unit/container/rollout_test.cc).
//
// New ones come up beside the old, one at a time; an old one goes only when there are more than wanted and
// every new one is ready. So as many as wanted are ready throughout, if they were before.
//
// Where versions cannot run side by side (common/template/replacement.h says when), every old one goes before
// the first new one is made.
#pragma once

#include <string>
#include <vector>

namespace qleet::container {

struct ReplicaView {
  unsigned index = 0;
  bool current = false;  // made for what is wanted now
  bool ready = false;
  bool draining = false;  // taken out of rotation
  bool settled = false;   // (draining) nobody sends it anything any more, or the time for that is over
  bool stopping = false;  // its processes are being ended
  bool broken = false;    // (current) a container is missing, has ended or must be restarted
};

enum class MoveKind {
  kCreate,  // replica `index` of the current version
  kMend,    // views[view]
  kDrain,   // views[view]: take it out of rotation
  kKeep,    // views[view]: wanted again while it was draining
  kStop,    // views[view]: end it
};

struct Move {
  MoveKind kind = MoveKind::kCreate;
  unsigned index = 0;
  std::size_t view = 0;
  bool operator==(const Move&) const = default;
};

enum class Update { kRolling, kStopFirst };

std::vector<Move> decide_moves(const std::vector<ReplicaView>& views, unsigned wanted,
                               Update update = Update::kRolling);

// Whether these moves begin to take away what an older version does: what comes after it must be possible
// then. One that is not ready at this moment counts as well: its probe may pass again.
bool takes_down_old(const std::vector<ReplicaView>& views, const std::vector<Move>& moves);

}  // namespace qleet::container
