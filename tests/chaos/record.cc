#include "tests/chaos/record.h"

#include <fmt/format.h>

namespace qleet::chaos {

std::string text(const Record& record) {
  std::string out;
  for (const auto& answer : record.answers)
    out += fmt::format("{} -> {} at revision {}, sent {} ms, answered {} ms, {} tries {}\n",
                       text(record.program.steps[answer.step]), answer.status, answer.revision, answer.sent,
                       answer.answered, answer.tries, answer.not_shown);
  for (const auto& silence : record.silences)
    out += fmt::format("{} silent from {} to {} ms\n", silence.of, silence.from, silence.to);
  for (const auto& sample : record.samples) {
    out += fmt::format("{:>7} ms  seen", sample.asked);
    for (const auto& [region, now] : sample.regions)
      out += fmt::format(" {} {} {}/{} fresh", region, now.agent, now.fresh, now.resources);
    out += "\n";
  }
  std::multimap<long, std::string> lines;
  for (const auto& [kind, events] : record.watched)
    for (const auto& seen : events)
      lines.emplace(
          seen.revision,
          fmt::format("{:>6} {} {} {} generation {}{}{}{}", seen.revision, kind, seen.event, seen.name,
                      seen.generation, seen.tombstone ? " tombstone" : "", seen.deleting ? " deleting" : "",
                      seen.mark ? fmt::format(" mark {}", seen.mark) : ""));
  for (const auto& [_, line] : lines) out += line + "\n";
  for (const auto& [agent, deeds] : record.deeds)
    for (const auto& deed : deeds)
      out += fmt::format("{} {} {} generation {} {}\n", agent, deed.gone ? "removes" : "makes", deed.name,
                         deed.generation, deed.shown);
  for (const auto& start : record.starts)
    out += fmt::format("started {} {} {} {}\n", start.resource, start.revision, start.replica,
                       start.id.substr(0, 12));
  return out;
}

}  // namespace qleet::chaos
