#include "cli/objects_view.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>

#include "cli/columns.h"
#include "cli/sse.h"
#include "qleet/v1/access.pb.h"

namespace qleet::cli {
namespace {

// Digits at `at`, without zeros in front; moves behind them.
std::string_view take_digits(std::string_view text, size_t& at) {
  const auto is_digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  while (is_digit(at) && text[at] == '0') ++at;
  const size_t begin = at;
  while (is_digit(at)) ++at;
  return text.substr(begin, at - begin);
}

bool before_in_name(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto left = take_digits(a, i);
      const auto right = take_digits(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // "01" and "1"
}

bool is_table(const Session& session) {
  return session.format == Format::kTable || session.format == Format::kWide;
}

// Regions are shown with the agents that serve them.
RowContext context_for(Session& session, const model::Kind& kind) {
  RowContext context{.now = session.clock.wall()};
  if (!is_table(session) || kind.name != "Region") return context;
  const auto agents = session.hub.list("/v1/agents");
  for (const auto& item : agents.value_or(std::vector<std::string>{})) {
    v1::Agent agent;
    if (parse(item, agent)) context.agents[agent.metadata().name()] = agent;
  }
  return context;
}

std::vector<std::string> row_of(const Session& session, const google::protobuf::Message& object,
                                const RowContext& context) {
  auto cells = cells_of(object, context);
  if (session.format != Format::kWide) cells.resize(columns_of(object).header.size());
  for (auto& cell : cells) {
    if (const auto colour = colour_of_state(cell); colour != Colour::kYellow)
      cell = session.terminal.paint(cell, colour);
  }
  return cells;
}

std::vector<std::string> header_of(const Session& session, const model::Kind& kind) {
  if (session.format == Format::kColumns) {
    const auto columns = parse_columns(session.expression);
    return columns ? headers_of(*columns) : std::vector<std::string>{};
  }
  auto columns = columns_of(*kind.prototype);
  if (session.format == Format::kWide)
    columns.header.insert(columns.header.end(), columns.wide.begin(), columns.wide.end());
  return columns.header;
}

std::string name_line(const model::Kind& kind, const google::protobuf::Message& object) {
  return std::string(kind.plural) + "/" + model::meta(object).name() + "\n";
}

// Fields in the order of the schema; as the hub said it where this command does not know it.
std::string ordered_json(const model::Kind& kind, const std::string& item, bool pretty) {
  const auto object = object_of(kind, item);
  return object ? model::to_json(**object, pretty) : item;
}

// Several, as the hub's lists are written.
std::string list_json(const std::vector<Listed>& listed) {
  const std::string kind = listed.size() == 1 ? std::string(listed.front().kind->name) + "List" : "List";
  std::string out = R"({"apiVersion":"qleet.io/v1","kind":")" + kind + R"(","items":[)";
  bool first = true;
  for (const auto& part : listed)
    for (const auto& item : part.items) {
      out += (first ? "\n" : ",\n") + ordered_json(*part.kind, item, false);
      first = false;
    }
  return out + "]}\n";
}

Result<std::string> rows_text(Session& session, const std::vector<Listed>& listed) {
  std::string out;
  for (const auto& part : listed) {
    if (part.items.empty()) continue;
    const auto context = context_for(session, *part.kind);
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : part.items) {
      const auto object = TRY(object_of(*part.kind, item));
      rows.push_back(row_of(session, *object, context));
    }
    out += (out.empty() ? "" : "\n") + table(header_of(session, *part.kind), std::move(rows));
  }
  return out;
}

// By what `key` makes of each, once; what is alike stays in its order.
void sort_keyed(std::vector<std::string>& items, const auto& key, const auto& before) {
  struct Keyed {
    decltype(key(items.front())) key;
    std::string item;
    size_t place = 0;
  };
  std::vector<Keyed> keyed;
  for (auto& item : items) {
    auto found = key(item);
    keyed.push_back({std::move(found), std::move(item), keyed.size()});
  }
  std::ranges::sort(keyed, [&](const Keyed& a, const Keyed& b) {
    return before(a.key, b.key) || (!before(b.key, a.key) && a.place < b.place);
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = std::move(keyed[i].item);
}

}  // namespace

Result<model::Object> object_of(const model::Kind& kind, const std::string& json) {
  model::Object object(kind.prototype->New());
  auto parsed = parse(json, *object);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return object;
}

void sort_by_name(std::vector<std::string>& items) {
  static const auto path = JsonPath::parse(".metadata.name");
  sort_keyed(
      items, [](const auto& item) { return path ? path->print(value_of(item)) : std::string(); },
      before_in_name);
}

void sort_events(std::vector<std::string>& items) {
  const auto key = [](const std::string& item) {
    v1::Event event;
    if (!parse(item, event)) event.Clear();
    const auto& seen = event.spec().last_seen();
    return std::tuple(seen.seconds(), seen.nanos(), event.spec().sequence());
  };
  sort_keyed(items, key, std::less());
}

Result<> sort_objects(std::vector<std::string>& items, const std::string& path) {
  auto parsed = JsonPath::parse(path);
  if (!parsed) return std::unexpected(wrap(std::move(parsed).error(), "--sort-by"));
  using Key = std::optional<JsonValue>;
  const auto key = [&](const std::string& item) {
    const auto found = parsed->find(value_of(item));
    return found.empty() ? Key() : Key(found.front());
  };
  sort_keyed(items, key, [](const Key& a, const Key& b) {
    if (a.has_value() != b.has_value()) return b.has_value();
    return a.has_value() && compare(*a, *b) < 0;
  });
  return {};
}

Exit print_objects(Session& session, const std::vector<Listed>& listed, bool single) {
  const bool alone = single && listed.size() == 1 && listed.front().items.size() == 1;
  if (session.format == Format::kJson || session.format == Format::kJsonPath) {
    const std::string json =
        alone ? ordered_json(*listed.front().kind, listed.front().items.front(), true) : list_json(listed);
    if (session.format == Format::kJsonPath) {
      const auto path = JsonPath::parse(session.expression);
      if (!path) return report(path.error());
      print(path->print(value_of(json)) + "\n");
    } else {
      print(json + (json.ends_with('\n') ? "" : "\n"));
    }
    return Exit::kOk;
  }
  if (is_table(session)) {
    const auto text = rows_text(session, listed);
    if (!text) return report(text.error());
    for (const auto& part : listed)
      if (part.items.empty()) print_error("no " + std::string(part.kind->plural) + " here\n");
    print(*text);
    return Exit::kOk;
  }
  if (session.format == Format::kColumns) {
    const auto columns = parse_columns(session.expression);
    if (!columns) return report(columns.error());
    std::vector<std::vector<std::string>> rows;
    for (const auto& part : listed)
      for (const auto& item : part.items) rows.push_back(cells_of(*columns, value_of(item)));
    print(table(headers_of(*columns), std::move(rows)));
    return Exit::kOk;
  }
  for (const auto& part : listed) {
    for (const auto& item : part.items) {
      auto object = object_of(*part.kind, item);
      if (!object) return report(object.error());
      if (session.format == Format::kName) {
        print(name_line(*part.kind, **object));
      } else {
        print((alone ? "" : "---\n") + model::to_yaml(**object));
      }
    }
  }
  return Exit::kOk;
}

Exit watch_objects(Session& session, const Listed& listed, Query query, const std::string& revision,
                   const Wanted& wanted) {
  const auto& kind = *listed.kind;
  GrowingTable growing(header_of(session, kind));
  const auto show = [&](const std::string& item, const std::string& change) {
    auto object = object_of(kind, item);
    if (!object || (wanted && !wanted(**object))) return;
    switch (session.format) {
      case Format::kJson:
        print(change.empty() ? item + "\n" : R"({"type":")" + change + R"(","object":)" + item + "}\n");
        return;
      case Format::kYaml:
        print("---\n" + model::to_yaml(**object));
        return;
      case Format::kName:
        print(name_line(kind, **object));
        return;
      case Format::kJsonPath:
        if (const auto path = JsonPath::parse(session.expression)) print(path->print(value_of(item)) + "\n");
        return;
      case Format::kColumns:
        if (const auto columns = parse_columns(session.expression))
          print(growing.add({cells_of(*columns, value_of(item))}));
        return;
      default:
        break;
    }
    auto row = row_of(session, **object, context_for(session, kind));
    if (change == "deleted") row.push_back("(gone)");
    print(growing.add({std::move(row)}));
  };
  if (is_table(session) && !listed.items.empty()) {
    std::vector<std::vector<std::string>> rows;
    const auto context = context_for(session, kind);
    for (const auto& item : listed.items)
      if (const auto object = object_of(kind, item)) rows.push_back(row_of(session, **object, context));
    print(growing.add(std::move(rows)));
  } else {
    for (const auto& item : listed.items) show(item, session.format == Format::kJson ? "added" : "");
  }

  query.add("watch", "true");
  query.add("resourceVersion", revision);
  SseReader reader([&](const SseEvent& event) {
    if (event.name == "added" || event.name == "modified" || event.name == "deleted")
      show(event.data, event.name);
  });
  const auto streamed =
      session.hub.stream("/v1/" + std::string(kind.plural) + query.text, [&](std::string_view data) {
        reader.feed(data);
        return true;
      });
  return streamed ? Exit::kOk : report(streamed.error());
}

}  // namespace qleet::cli
