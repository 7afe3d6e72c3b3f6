#include "providers/container/rollout.h"

#include <algorithm>
#include <optional>
#include <set>

namespace qleet::container {

namespace {

struct Count {
  unsigned old = 0;
  unsigned current = 0;
  bool current_ready = true;  // all of them
};

Count count(const std::vector<ReplicaView>& views) {
  Count out;
  for (const auto& view : views) {
    if (view.draining || view.stopping) continue;
    if (!view.current) {
      ++out.old;
    } else {
      ++out.current;
      out.current_ready = out.current_ready && view.ready;
    }
  }
  return out;
}

// The old replica that is missed least: one that serves nobody, else the last.
std::optional<std::size_t> dispensable(const std::vector<ReplicaView>& views, bool ready_ones_too) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& view = views[i];
    if (view.current || view.draining || view.stopping || (view.ready && !ready_ones_too)) continue;
    if (!best || (views[*best].ready && !view.ready) ||
        (views[*best].ready == view.ready && view.index > views[*best].index)) {
      best = i;
    }
  }
  return best;
}

std::optional<unsigned> free_index(const std::vector<ReplicaView>& views, unsigned wanted) {
  std::set<unsigned> used;
  for (const auto& view : views) {
    if (view.current) used.insert(view.index);
  }
  for (unsigned index = 0; index < wanted; ++index) {
    if (!used.contains(index)) return index;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Move> decide_moves(const std::vector<ReplicaView>& views, unsigned wanted, Update update) {
  std::vector<Move> moves;
  // Something of an older version is there that the wanted one cannot run beside.
  const bool barred = update == Update::kStopFirst &&
                      std::ranges::any_of(views, [](const auto& view) { return !view.current; });
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& view = views[i];
    if (view.stopping) continue;
    const bool kept = view.current && view.index < wanted;
    if (view.draining && kept) {
      moves.push_back({MoveKind::kKeep, view.index, i});
    } else if (view.draining && view.settled) {
      moves.push_back({MoveKind::kStop, view.index, i});
    } else if (!view.draining && kept && view.broken && !barred) {
      moves.push_back({MoveKind::kMend, view.index, i});
    }
  }

  if (barred) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      const auto& view = views[i];
      if (!view.current && !view.draining && !view.stopping)
        moves.push_back({MoveKind::kDrain, view.index, i});
    }
  }
  const Count now = count(views);
  if (!barred && now.current < wanted &&
      (now.old == 0 || (now.current_ready && (now.current == 0 || now.old + now.current <= wanted)))) {
    if (const auto index = free_index(views, wanted)) moves.push_back({MoveKind::kCreate, *index, 0});
  }
  if (!barred && now.old > 0 && now.old + now.current > wanted) {
    const bool replaced = wanted == 0 || (now.current > 0 && now.current_ready);
    if (const auto old = dispensable(views, replaced))
      moves.push_back({MoveKind::kDrain, views[*old].index, *old});
  }
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& view = views[i];
    if (view.current && view.index >= wanted && !view.draining && !view.stopping) {
      moves.push_back({MoveKind::kDrain, view.index, i});
    }
  }
  return moves;
}

bool takes_down_old(const std::vector<ReplicaView>& views, const std::vector<Move>& moves) {
  return std::ranges::any_of(
      moves, [&](const Move& move) { return move.kind == MoveKind::kDrain && !views[move.view].current; });
}

}  // namespace qleet::container
