#include "tests/chaos/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace qleet::chaos {
namespace {

using Act = Step::Act;

constexpr long kHubStart = 2'000;

const std::vector<Seen>& watched(const Record& record, const std::string& kind) {
  static const std::vector<Seen> none;
  const auto found = record.watched.find(kind);
  return found == record.watched.end() ? none : found->second;
}

// A change of what is wanted: the store took it after `after`, and not later than at `by`. Where an answer
// was lost that is all that can be known.
struct Turn {
  long after = 0;
  long by = 0;
  const Step* step = nullptr;
};

// In the order of `by`; those of one actor do not overlap.
std::vector<Turn> turns(const Record& record) {
  std::vector<Turn> out;
  std::map<int, long> last;
  for (const auto& answer : record.answers) {
    const Step& step = record.program.steps[answer.step];
    long& before = last[step.actor];
    if (answer.bound == 0) continue;
    out.push_back(
        {answer.tries == 1 && answer.revision > 0 ? answer.revision - 1 : before, answer.bound, &step});
    before = answer.bound;
  }
  std::ranges::sort(out, {}, [](const Turn& turn) { return std::pair(turn.by, turn.step->mark); });
  return out;
}

// What was wanted at a revision whatever the turns that may or may not have been taken by then: asked for
// with revisions that grow.
class SurelyWanted {
 public:
  explicit SurelyWanted(const Record& record)
      : turns_(turns(record)), wish_(first_wish(record.program.options)) {}

  const std::set<std::string>& at(long revision) {
    bool moved = next_ == 0 && names_.empty();
    for (; next_ < turns_.size() && turns_[next_].by <= revision; ++next_, moved = true)
      apply(*turns_[next_].step, wish_);
    std::vector<const Step*> open;
    for (auto i = next_; i < turns_.size(); ++i)
      if (turns_[i].after < revision) open.push_back(turns_[i].step);
    if (!moved && open == open_) return names_;
    open_ = open;
    names_.clear();
    Wish later = wish_;
    for (const auto* step : open) apply(*step, later);
    const Wanted after = wanted(later);
    for (const auto& [name, _] : wanted(wish_))
      if (after.contains(name)) names_.insert(name);
    return names_;
  }

 private:
  const std::vector<Turn> turns_;
  std::size_t next_ = 0;
  Wish wish_;
  std::vector<const Step*> open_;
  std::set<std::string> names_;
};

// Applications are told again, unwritten, where what their deployments came to changes. Which of those a
// watch tells depends on when it looks; whatever else a watch tells is one and the same for all.
std::vector<Seen> of_writes(const Record& record, const std::string& kind, const std::vector<Seen>& events) {
  if (kind != "applications") return events;
  std::vector<Seen> out;
  std::map<std::string, Seen> last;
  for (const auto& event : events) {
    const auto known = last.find(event.name);
    Seen unwritten = known == last.end() ? event : known->second;
    unwritten.event = "modified";
    const bool from_before = known == last.end() && event.revision <= record.begun_at_revision;
    if (unwritten == event && (known != last.end() || from_before)) continue;
    last[event.name] = event;
    out.push_back(event);
  }
  return out;
}

}  // namespace

Violations check_acknowledged(const Record& record) {
  Violations out;
  std::map<int, long> newest;  // revision, by actor
  for (const auto& answer : record.answers) {
    const Step& step = record.program.steps[answer.step];
    const auto say = [&](const std::string& what) { out.push_back(fmt::format("{}: {}", text(step), what)); };
    if (answer.status == 0) say("was never answered");
    const bool ok = answer.status >= 200 && answer.status < 300;
    // Asked for again after a lost answer, a delete finds nothing, and an approval nothing that waits.
    const bool again = answer.tries > 1 && ((step.act == Act::kDelete && answer.status == 404) ||
                                            (step.act == Act::kApprove && answer.status == 409));
    if (answer.status != 0 && !ok && !again) say(fmt::format("refused: {} {}", answer.status, answer.body));
    if (!answer.not_shown.empty()) say("acknowledged, but not there: " + answer.not_shown);
    if (!ok) continue;
    if (answer.revision < newest[step.actor])
      say(fmt::format("revision {} after {}", answer.revision, newest[step.actor]));
    newest[step.actor] = std::max(newest[step.actor], answer.revision);
    const std::string kind = step.act == Act::kApply         ? "applications"
                             : step.act == Act::kEnvironment ? "environments"
                             : step.act == Act::kRegion      ? "regions"
                                                             : "";
    if (!kind.empty() && std::ranges::none_of(watched(record, kind), [&](const Seen& seen) {
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
  for (const auto& [kind, told_of] : record.watched) {
    const auto events = of_writes(record, kind, told_of);
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
    const auto found = record.watched_again.find(kind);
    if (found == record.watched_again.end()) continue;
    const auto again = of_writes(record, kind, found->second);
    for (std::size_t i = 0; i < std::max(events.size(), again.size()); ++i) {
      const auto name = [](const std::vector<Seen>& all, std::size_t at) {
        return at < all.size() ? fmt::format("{} {} at {}", all[at].event, all[at].name, all[at].revision)
                               : "its end";
      };
      if (i < events.size() && i < again.size() && events[i] == again[i]) continue;
      out.push_back(fmt::format("two watches of {} differ at event {}: {}, and {}", kind, i, name(events, i),
                                name(again, i)));
      break;
    }
  }
  return out;
}

Violations check_removals(const Record& record) {
  Violations out;
  SurelyWanted surely(record);
  std::set<std::pair<std::string, long>> tombstones;
  std::map<std::string, bool> tombstone;
  for (const auto& seen : watched(record, "resources")) {
    if (seen.tombstone) tombstones.insert({seen.name, seen.generation});
    if (seen.tombstone && !tombstone[seen.name] && surely.at(seen.revision).contains(seen.name))
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
  std::map<std::string, std::set<std::vector<std::string>>> contents;  // ever wanted
  Wish wish = first_wish(record.program.options);
  const auto note = [&] {
    for (const auto& [name, content] : wanted(wish)) contents[name].insert(content);
  };
  // Steps of different actors may have been taken in any order: each is tried before and after its
  // neighbours.
  const auto all = turns(record);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i + 1 < all.size()) {
      Wish other = wish;
      apply(*all[i + 1].step, other);
      std::swap(wish, other);
      note();
      std::swap(wish, other);
    }
    apply(*all[i].step, wish);
    note();
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
      if (std::ranges::none_of(contents[deed.name],
                               [&](const auto& content) { return holds(deed.shown, content); }))
        out.push_back(
            fmt::format("{} made {} with a content that nobody asked for: {}", agent, deed.name, deed.shown));
    }
  }
  return out;
}

Violations check_starts(const Record& record) {
  Violations out;
  std::set<std::vector<std::string>> seen;
  for (const auto& start : record.starts)
    if (!seen.insert({start.resource, start.revision, start.replica}).second)
      out.push_back(fmt::format("{} {} of version {} was started again ({})", start.resource, start.replica,
                                start.revision, start.id.substr(0, 12)));
  return out;
}

Violations check_freshness(const Record& record) {
  Violations out;
  for (const auto& sample : record.samples) {
    for (const auto& silence : record.silences) {
      if (silence.of == "hub" || sample.answered > silence.to) continue;
      // A hub that was away gives every agent its time anew.
      long since = silence.from;
      for (const auto& other : record.silences)
        if (other.of == "hub" && other.from <= sample.answered) since = std::max(since, other.to + kHubStart);
      if (sample.asked < since + kMissedWithin) continue;
      const auto region = sample.regions.find(silence.of);
      if (region == sample.regions.end()) continue;
      if (region->second.agent == "Connected" || region->second.fresh > 0)
        out.push_back(
            fmt::format("{} is silent since {} ms, and at {} ms shown as {} with {} of {} resources as fresh",
                        silence.of, silence.from, sample.asked, region->second.agent, region->second.fresh,
                        region->second.resources));
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
  for (const auto part : {check_acknowledged, check_watches, check_removals, check_changes, check_starts,
                          check_freshness, check_settled})
    for (auto& violation : part(record)) out.push_back(std::move(violation));
  return out;
}

}  // namespace qleet::chaos
