// Commands that only look: get, describe, tree, wait, history, diff, events.
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kinds.h"
#include "cli/last_lines.h"
#include "cli/progress.h"
#include "cli/query.h"
#include "cli/sse.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

Result<model::Object> object_of(const model::Kind& kind, const std::string& json) {
  model::Object object(kind.prototype->New());
  auto parsed = parse(json, *object);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return object;
}

std::vector<std::string> row_of(const Session& session, const google::protobuf::Message& object) {
  auto cells = cells_of(object, session.clock.wall());
  if (session.format != Format::kWide) cells.resize(columns_of(object).header.size());
  for (auto& cell : cells) {
    if (const auto colour = colour_of_state(cell); colour != Colour::kYellow)
      cell = session.terminal.paint(cell, colour);
  }
  return cells;
}

std::vector<std::string> header_of(const Session& session, const model::Kind& kind) {
  auto columns = columns_of(*kind.prototype);
  if (session.format == Format::kWide)
    columns.header.insert(columns.header.end(), columns.wide.begin(), columns.wide.end());
  return columns.header;
}

Exit print_objects(Session& session, const model::Kind& kind, const std::vector<std::string>& items,
                   bool single) {
  if (session.format == Format::kJson) {
    if (single && items.size() == 1) {
      auto object = object_of(kind, items.front());
      if (!object) return report(object.error());
      print(model::to_json(**object, true) + "\n");
    } else {
      std::string out =
          R"({"apiVersion":"qleet.io/v1","kind":")" + std::string(kind.name) + R"(List","items":[)";
      for (size_t i = 0; i < items.size(); ++i) out += (i ? ",\n" : "\n") + items[i];
      print(out + "]}\n");
    }
    return Exit::kOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items) {
    auto object = object_of(kind, item);
    if (!object) return report(object.error());
    if (session.format == Format::kYaml) {
      print((items.size() > 1 ? "---\n" : "") + model::to_yaml(**object));
    } else if (session.format == Format::kName) {
      print(std::string(kind.plural) + "/" + model::meta(**object).name() + "\n");
    } else {
      rows.push_back(row_of(session, **object));
    }
  }
  if (session.format != Format::kTable && session.format != Format::kWide) return Exit::kOk;
  if (rows.empty()) {
    print_error("no " + std::string(kind.plural) + " here\n");
  } else {
    print(table(header_of(session, kind), rows));
  }
  return Exit::kOk;
}

// Prints each change of the kind until it is interrupted or the stream ends.
Exit watch_objects(Session& session, const model::Kind& kind, Query query,
                   const std::function<bool(const google::protobuf::Message&)>& wanted) {
  query.add("watch", "true");
  SseReader reader([&](const SseEvent& event) {
    if (event.name != "added" && event.name != "modified" && event.name != "deleted") return;
    auto object = object_of(kind, event.data);
    if (!object || (wanted && !wanted(**object))) return;
    if (session.format == Format::kJson) {
      print(R"({"type":")" + event.name + R"(","object":)" + event.data + "}\n");
    } else if (session.format == Format::kYaml) {
      print("---\n" + model::to_yaml(**object));
    } else if (session.format == Format::kName) {
      print(std::string(kind.plural) + "/" + model::meta(**object).name() + "\n");
    } else {
      std::string line;
      for (const auto& cell : row_of(session, **object)) line += one_line(cell) + "   ";
      print((event.name == "deleted" ? "gone: " : "") + line + "\n");
    }
  });
  const auto streamed =
      session.hub.stream("/v1/" + std::string(kind.plural) + query.text, [&](std::string_view data) {
        reader.feed(data);
        return true;
      });
  return streamed ? Exit::kOk : report(streamed.error());
}

}  // namespace

Exit run(Session& session, const GetCommand& command) {
  const auto kind = kind_named(command.kind);
  if (!kind) return report(kind.error());
  const std::string base = "/v1/" + std::string((*kind)->plural);
  std::vector<std::string> items;
  if (!command.names.empty()) {
    for (const auto& name : command.names) {
      auto item = session.hub.get(base + "/" + http::encode(name));
      if (!item) return report(item.error());
      items.push_back(std::move(*item));
    }
    return print_objects(session, **kind, items, true);
  }
  Query query;
  query.add("labelSelector", command.selector);
  query.add("application", command.application);
  query.add("environment", command.environment);
  query.add("region", command.region);
  std::vector<std::string> left_out;
  auto listed = session.hub.list(base + query.text, &left_out);
  if (!listed) return report(listed.error());
  for (const auto& why : left_out) print_error("warning: left out: " + why + "\n");
  const Exit exit = print_objects(session, **kind, *listed, false);
  return command.watch && exit == Exit::kOk ? watch_objects(session, **kind, query, {}) : exit;
}

Exit run(Session& session, const DescribeCommand& command) {
  const auto kind = kind_named(command.kind);
  if (!kind) return report(kind.error());
  v1::Description description;
  const auto read = session.hub.get_into(
      "/v1/describe/" + std::string((*kind)->plural) + "/" + http::encode(command.name), description);
  if (!read) return report(read.error());
  if (print_for_programs(session, description)) return Exit::kOk;
  // Below what is wrong and what to do, which is indented.
  const std::string& text = description.text();
  auto at = text.find('\n');
  while (at != std::string::npos && text.compare(at + 1, 2, "  ") == 0) at = text.find('\n', at + 1);
  const auto head = at == std::string::npos ? text.size() : at + 1;
  print(text.substr(0, head) + (head == text.size() && !text.ends_with('\n') ? "\n" : "") +
        last_lines(session, description) + text.substr(head));
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
    if (!why.profile().empty()) lines.emplace_back("profile " + why.profile(), why.profile_reason());
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
  auto limit = parse_duration(command.timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const Interrupt interrupt("qleet: no longer waited for; it goes on: qleet describe app " +
                            command.application);
  const Exit exit = until_gone(session, "applications", command.application, *limit);
  if (exit == Exit::kTimeout)
    print_error("qleet: " + command.application + " is still there after " + command.timeout + "\n");
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
    for (const auto& place : entry.places())
      places += (places.empty() ? "" : ", ") + place.environment() + " (" + place.state() + ")";
    std::string images;
    for (const auto& image : entry.images()) images += (images.empty() ? "" : ", ") + image.image();
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
  if (!print_for_programs(session, diff)) print(diff.text() + (diff.text().ends_with('\n') ? "" : "\n"));
  return Exit::kOk;
}

Exit run(Session& session, const EventsCommand& command) {
  const auto& kind = *model::find_kind("Event");
  auto wanted = [&](const google::protobuf::Message& object) {
    const auto& spec = dynamic_cast<const v1::Event&>(object).spec();
    const std::string regarding = spec.regarding_kind() + "/" + spec.regarding_name();
    if (!command.regarding.empty() && regarding != command.regarding) return false;
    if (command.application.empty()) return true;
    return spec.regarding_name() == command.application ||
           spec.regarding_name().starts_with(command.application + ".") ||
           spec.regarding_name().contains("." + command.application + ".");
  };
  auto listed = session.hub.list("/v1/events");
  if (!listed) return report(listed.error());
  std::vector<std::pair<int64_t, std::string>> events;
  for (auto& item : *listed) {
    auto object = object_of(kind, item);
    if (!object) return report(object.error());
    if (wanted(**object))
      events.emplace_back(dynamic_cast<const v1::Event&>(**object).spec().last_seen().seconds(),
                          std::move(item));
  }
  std::ranges::sort(events);
  std::vector<std::string> items;
  for (auto& [_, item] : events) items.push_back(std::move(item));
  const Exit exit = print_objects(session, kind, items, false);
  return command.watch && exit == Exit::kOk ? watch_objects(session, kind, {}, wanted) : exit;
}

}  // namespace qleet::cli
