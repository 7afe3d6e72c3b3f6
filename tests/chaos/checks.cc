#include "tests/chaos/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace qleet::chaos {
namespace {

using Act = Step::Act;

const std::vector<Seen>& watched(const Record& record, const std::string& kind) {
  static const std::vector<Seen> none;
  const auto found = record.watched.find(kind);
  return found == record.watched.end() ? none : found->second;
}

// A change of what is wanted, at the revision where the store took it: from the watch, because answers get
// lost.
struct Turn {
  long revision = 0;
  std::string name;
  const Step* step = nullptr;  // null: it is deleted
};

std::vector<Turn> turns(const Record& record) {
  std::map<long, const Step*> by_mark;
  for (const auto& step : record.program.steps) by_mark[step.mark] = &step;
  std::vector<Turn> out;
  std::map<std::string, long> last;  // mark, by application; 0: none
  for (const auto& seen : watched(record, "applications")) {
    const long mark = seen.event == "deleted" || seen.deleting ? 0 : seen.mark;
    if (last[seen.name] == mark) continue;
    last[seen.name] = mark;
    const auto step = by_mark.find(mark);
    out.push_back({seen.revision, seen.name, step == by_mark.end() ? nullptr : step->second});
  }
  return out;
}

void apply(const Turn& turn, Wish& wish) {
  if (turn.step)
    wish.apps[turn.name] = turn.step->app;
  else
    wish.apps.erase(turn.name);
}

}  // namespace

Violations check_acknowledged(const Record& record) {
  Violations out;
  const auto& apps = watched(record, "applications");
  std::map<int, long> newest;  // revision, by actor
  for (const auto& answer : record.answers) {
    const Step& step = record.program.steps[answer.step];
    const auto say = [&](const std::string& what) { out.push_back(fmt::format("{}: {}", text(step), what)); };
    if (answer.status == 0) say("was never answered");
    const bool ok = answer.status >= 200 && answer.status < 300;
    // Asked for again after a lost answer, a delete finds nothing.
    const bool done_before = step.act == Act::kDelete && answer.status == 404 && answer.tries > 1;
    if (answer.status != 0 && !ok && !done_before)
      say(fmt::format("refused: {} {}", answer.status, answer.body));
    if (!answer.not_shown.empty()) say("acknowledged, but not there: " + answer.not_shown);
    if (!ok) continue;
    if (answer.revision < newest[step.actor])
      say(fmt::format("revision {} after {}", answer.revision, newest[step.actor]));
    newest[step.actor] = std::max(newest[step.actor], answer.revision);
    if (step.act == Act::kApply && std::ranges::none_of(apps, [&](const Seen& seen) {
          return seen.name == step.subject && seen.mark == step.mark && seen.revision <= answer.revision;
        }))
      say(fmt::format("acknowledged at revision {}, but no watch tells of it", answer.revision));
  }
  if (record.answers.size() != record.program.steps.size())
    out.push_back(fmt::format("{} steps, {} answers", record.program.steps.size(), record.answers.size()));
  return out;
}

Violations check_watches(const Record& record) {
  Violations out;
  for (const auto& [kind, events] : record.watched) {
    std::map<std::string, Seen> known;
    long last = record.begun_at_revision;
    std::set<std::pair<long, std::string>> told;
    for (const auto& seen : events) {
      const auto say = [&](const std::string& what) {
        out.push_back(
            fmt::format("watch of {}: {} {} at {}: {}", kind, seen.event, seen.name, seen.revision, what));
      };
      if (seen.revision < last) say(fmt::format("after {}", last));
      last = std::max(last, seen.revision);
      if (!told.insert({seen.revision, seen.name}).second) say("told twice");
      const auto before = known.find(seen.name);
      if (seen.event == "added" && before != known.end()) say("was there already");
      if (before != known.end() && before->second.uid == seen.uid &&
          seen.generation < before->second.generation)
        say(fmt::format("generation {} after {}", seen.generation, before->second.generation));
      if (seen.event == "deleted")
        known.erase(seen.name);
      else
        known[seen.name] = seen;
    }
    const auto again = record.watched_again.find(kind);
    if (again == record.watched_again.end()) continue;
    for (std::size_t i = 0; i < std::max(events.size(), again->second.size()); ++i) {
      const auto name = [](const std::vector<Seen>& all, std::size_t at) {
        return at < all.size() ? fmt::format("{} {} at {}", all[at].event, all[at].name, all[at].revision)
                               : "its end";
      };
      if (i < events.size() && i < again->second.size() && events[i] == again->second[i]) continue;
      out.push_back(fmt::format("two watches of {} differ at event {}: {}, and {}", kind, i, name(events, i),
                                name(again->second, i)));
      break;
    }
  }
  return out;
}

Violations check_removals(const Record& record) {
  Violations out;
  const auto changes = turns(record);
  Wish wish = first_wish(record.program.options);
  std::size_t turn = 0;
  Wanted now;
  std::set<std::pair<std::string, long>> tombstones;
  std::map<std::string, bool> tombstone;
  for (const auto& seen : watched(record, "resources")) {
    bool moved = turn == 0;
    for (; turn < changes.size() && changes[turn].revision <= seen.revision; ++turn, moved = true)
      apply(changes[turn], wish);
    if (moved) now = wanted(wish);
    if (seen.tombstone) tombstones.insert({seen.name, seen.generation});
    if (seen.tombstone && !tombstone[seen.name] && now.contains(seen.name))
      out.push_back(fmt::format("the hub asked for the removal of {} at revision {}, where it was wanted",
                                seen.name, seen.revision));
    tombstone[seen.name] = seen.tombstone && seen.event != "deleted";
  }
  for (const auto& [agent, deeds] : record.deeds)
    for (const auto& deed : deeds)
      if (deed.gone && !tombstones.contains({deed.name, deed.generation}))
        out.push_back(fmt::format("{} removed {} at generation {}: the hub never asked for that", agent,
                                  deed.name, deed.generation));
  return out;
}

Violations check_changes(const Record& record) {
  Violations out;
  std::map<std::string, std::set<std::string>> contents;  // ever wanted
  Wish wish = first_wish(record.program.options);
  for (const auto& turn : turns(record)) {
    apply(turn, wish);
    for (const auto& [name, content] : wanted(wish)) contents[name].insert(content);
  }
  for (const auto& [agent, deeds] : record.deeds) {
    std::map<std::string, Deed> known;
    for (const auto& deed : deeds) {
      const auto before = known.find(deed.name);
      if (deed.gone) {
        known.erase(deed.name);
        continue;
      }
      if (before != known.end() && before->second.shown == deed.shown)
        out.push_back(fmt::format("{} changed {} at generation {}, and its content is what it was", agent,
                                  deed.name, deed.generation));
      known[deed.name] = deed;
      if (std::ranges::none_of(contents[deed.name], [&](const std::string& content) {
            return deed.shown.find(content) != std::string::npos;
          }))
        out.push_back(
            fmt::format("{} made {} with a content that nobody asked for: {}", agent, deed.name, deed.shown));
    }
  }
  return out;
}

Violations check_settled(const Record& record) {
  Violations out;
  for (const auto& what : record.unsettled) out.push_back("in the end: " + what);
  return out;
}

Violations check(const Record& record) {
  Violations out;
  for (const auto part : {check_acknowledged, check_watches, check_removals, check_changes, check_settled})
    for (auto& violation : part(record)) out.push_back(std::move(violation));
  return out;
}

}  // namespace qleet::chaos
