// Commands that only look: describe, tree, wait, history, diff, events.
#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kinds.h"
#include "cli/last_lines.h"
#include "cli/objects_view.h"
#include "cli/patience.h"
#include "cli/progress.h"
#include "cli/query.h"
#include "cli/sse.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

// Lines that begin with what was added, removed or changed, in colours where there are any.
std::string coloured_diff(const Terminal& terminal, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    const auto first = line.find_first_not_of(' ');
    const char mark = first == std::string_view::npos ? ' ' : line[first];
    out += terminal.paint(line, mark == '+'   ? Colour::kGreen
                                : mark == '-' ? Colour::kRed
                                : mark == '~' ? Colour::kYellow
                                              : Colour::kNone) +
           "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<v1::Description> read_description(Session& session, const model::Kind& kind, const std::string& name,
                                         const std::string& environment) {
  Query query;
  query.add("environment", environment);
  v1::Description description;
  TRY(session.hub.get_into("/v1/describe/" + std::string(kind.plural) + "/" + http::encode(name) + query.text,
                           description));
  return description;
}

// Its text, with the log of the cause below what is wrong and what to do, which is indented.
void print_description(Session& session, const v1::Description& description) {
  const std::string& text = description.text();
  auto at = text.find('\n');
  while (at != std::string::npos && text.compare(at + 1, 2, "  ") == 0) at = text.find('\n', at + 1);
  const auto head = at == std::string::npos ? text.size() : at + 1;
  print(text.substr(0, head) + (head == text.size() && !text.ends_with('\n') ? "\n" : "") +
        last_lines(session, description) + text.substr(head));
}

// Of an application that is in several: a block for each.
std::vector<std::string> environments_of(const v1::Description& description) {
  std::vector<std::string> names;
  for (const auto& fact : description.facts()) {
    if (fact.name() != "environments") continue;
    std::istringstream in(fact.value());
    for (std::string name; std::getline(in >> std::ws, name, ',');) names.push_back(name);
  }
  return names;
}

Exit describe(Session& session, const model::Kind& kind, const std::string& name,
              const std::string& environment) {
  const auto description = read_description(session, kind, name, environment);
  if (!description) return report(description.error());
  if (print_for_programs(session, *description)) return Exit::kOk;
  const bool application = kind.name == "Application" && environment.empty();
  const auto blocks = application ? environments_of(*description) : std::vector<std::string>{};
  if (blocks.empty()) {
    print_description(session, *description);
    return Exit::kOk;
  }
  print(description->text().substr(0, description->text().find("\n\n") + 1));
  for (const auto& block : blocks) {
    const auto one = read_description(session, kind, name, block);
    if (!one) return report(one.error());
    print("\nenvironment " + block + "\n");
    print_description(session, *one);
  }
  return Exit::kOk;
}

}  // namespace

Exit run(Session& session, const DescribeCommand& command) {
  const auto targets = named_targets_of(command.targets);
  if (!targets) return report(targets.error());
  for (const auto& target : *targets) {
    if (command.environment.empty() || target.kind->name == "Application") continue;
    print_error("qleet: --environment: only an application is described for one environment; leave it out\n");
    return Exit::kUsage;
  }
  bool first = true;
  for (const auto& target : *targets) {
    for (const auto& name : target.names) {
      if (!first && !session.for_programs()) print("\n");
      first = false;
      if (const auto exit = describe(session, *target.kind, name, command.environment); exit != Exit::kOk)
        return exit;
    }
  }
  return Exit::kOk;
}

Exit run(Session& session, const TreeCommand& command) {
  if (!command.why.empty()) {
    v1::Why why;
    const auto read = session.hub.get_into("/v1/why/" + http::encode(command.why), why);
    if (!read) return report(read.error());
    if (print_for_programs(session, why)) return Exit::kOk;
    std::string out = why.type() + " " + why.id() + " (" +
                      (why.environment().empty() ? "" : why.environment() + " / ") + why.region() + ")";
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& asker : why.askers())
      lines.emplace_back(asker.label() + " asks for it", asker.asks_as());
    if (!why.profile().empty())
      lines.emplace_back("profile " + why.profile(), why.profile_reason());
    else if (!why.profile_reason().empty())
      lines.emplace_back("type " + why.type(), why.profile_reason());
    out += why.askers().empty() ? " is there although nobody asks for it\n" : " is there because\n";
    if (!why.message().empty()) out += "  " + why.message() + "\n";
    for (const auto& [left, right] : lines) out += "  " + pad(left, 30) + right + "\n";
    print(out);
    return Exit::kOk;
  }
  const std::string path =
      "/v1/applications/" + http::encode(command.application) + "/tree" +
      (command.environment.empty() ? "" : "?environment=" + http::encode(command.environment));
  if (!command.watch) {
    v1::Tree tree;
    const auto read = session.hub.get_into(path, tree);
    if (!read) return report(read.error());
    if (!print_for_programs(session, tree)) print(render_tree(session.terminal, tree, ""));
    return Exit::kOk;
  }
  TreeChanges changes;
  return until(
      session, "/v1/resources?watch=true", std::chrono::hours(24 * 365), [&]() -> std::optional<Exit> {
        v1::Tree tree;
        const auto read = session.hub.get_into(path, tree);
        if (!read)
          return read.error().code == Code::kUnavailable ? std::nullopt : std::optional(report(read.error()));
        if (print_for_programs(session, tree)) return std::nullopt;
        const auto lines = draw_tree(session.terminal, tree, {.elapsed = {}, .now = session.clock.wall()});
        session.terminal.draw(fitted(lines, session.terminal.rows()));
        if (!session.terminal.interactive()) print(changes.news(tree));
        return std::nullopt;
      });
}

Exit run(Session& session, const WaitCommand& command) {
  if (command.condition == "ready")
    return follow(session, {command.application}, command.environment, command.timeout);
  const std::string timeout = command.timeout.empty() ? kLongWait : command.timeout;
  const auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const auto& kind = *model::find_kind("Application");
  const Interrupt interrupt("qleet: no longer waited for; it goes on: qleet describe app " +
                            command.application);
  const Exit exit = until_gone(session, kind, command.application, "", *limit);
  if (exit == Exit::kTimeout)
    print_error("qleet: " + command.application + " is still there after " + timeout + "\n");
  return exit;
}

Exit run(Session& session, const HistoryCommand& command) {
  v1::History history;
  const auto read =
      session.hub.get_into("/v1/applications/" + http::encode(command.application) + "/history", history);
  if (!read) return report(read.error());
  if (print_for_programs(session, history)) return Exit::kOk;
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : history.entries()) {
    std::string places;
    for (const auto& place : entry.places()) {
      const auto back = place.returned_to() == 0 ? "" : ", back to " + std::to_string(place.returned_to());
      places += (places.empty() ? "" : ", ") + place.environment() + " (" + place.state() + back + ")";
    }
    std::string images;
    for (const auto& image : entry.images())
      images += (images.empty() ? "" : ", ") + short_image(image.image());
    rows.push_back({std::to_string(entry.release()), age(entry.created(), session.clock.wall()),
                    entry.cause() + (entry.cause_detail().empty() ? "" : " " + entry.cause_detail()),
                    entry.created_by(), entry.source_revision().empty() ? "-" : entry.source_revision(),
                    places.empty() ? "-" : places, images.empty() ? "-" : images});
  }
  print(table({"RELEASE", "AGE", "CAUSE", "BY", "REVISION", "WHERE", "IMAGES"}, rows));
  return Exit::kOk;
}

Exit run(Session& session, const DiffCommand& command) {
  Query query;
  if (command.from) query.add("from", std::to_string(command.from));
  if (command.to) query.add("to", std::to_string(command.to));
  v1::DiffResult diff;
  const auto read = session.hub.get_into(
      "/v1/applications/" + http::encode(command.application) + "/diff" + query.text, diff);
  if (!read) return report(read.error());
  if (!print_for_programs(session, diff)) print(coloured_diff(session.terminal, diff.text()));
  return Exit::kOk;
}

namespace {

// "app/shop" as events name it, "Application/shop".
Result<std::string> regarding_of(const std::string& given) {
  if (given.empty()) return given;
  const auto slash = given.find('/');
  if (slash == std::string::npos)
    return fail(Code::kInvalid, "--for \"" + given + "\": write it as KIND/NAME");
  const auto kind = kind_named(given.substr(0, slash));
  if (!kind) return std::unexpected(wrap(kind.error(), "--for"));
  return std::string((*kind)->name) + given.substr(slash);
}

}  // namespace

Exit run(Session& session, const EventsCommand& command) {
  const auto& kind = *model::find_kind("Event");
  const auto about = regarding_of(command.regarding);
  if (!about) return report(about.error());
  auto wanted = [&](const google::protobuf::Message& object) {
    const auto& spec = dynamic_cast<const v1::Event&>(object).spec();
    const std::string regarding = spec.regarding_kind() + "/" + spec.regarding_name();
    if (!about->empty() && regarding != *about) return false;
    if (command.application.empty()) return true;
    return spec.regarding_name() == command.application ||
           spec.regarding_name().starts_with(command.application + ".") ||
           spec.regarding_name().contains("." + command.application + ".");
  };
  std::string revision;
  auto listed = session.hub.list("/v1/events", nullptr, &revision);
  if (!listed) return report(listed.error());
  Listed sorted{.kind = &kind};
  for (auto& item : *listed) {
    auto object = object_of(kind, item);
    if (!object) return report(object.error());
    if (wanted(**object)) sorted.items.push_back(std::move(item));
  }
  sort_events(sorted.items);
  return command.watch ? watch_objects(session, sorted, {}, revision, wanted)
                       : print_objects(session, {sorted}, false);
}

}  // namespace qleet::cli
