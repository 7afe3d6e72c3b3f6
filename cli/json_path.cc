#include "cli/json_path.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <variant>

namespace qleet::cli {
namespace {

struct Step;
using Steps = std::vector<Step>;

struct Field {
  std::string name;
};
struct Every {};    // all elements, or the values of all fields
struct Descend {};  // the value and everything below it
struct Index {
  std::vector<int> indices;
};
struct Fields {
  std::vector<std::string> names;
};
struct Slice {
  std::optional<int> from, to, step;
};
struct Filter {
  std::shared_ptr<Steps> left;
  std::string relation;  // empty: it is there
  JsonValue right;
};
struct Step {
  std::variant<Field, Every, Descend, Index, Fields, Slice, Filter> what;
};

using Values = std::vector<JsonValue>;

std::vector<std::string> keys_of(const google::protobuf::Struct& object) {
  std::vector<std::string> keys;
  for (const auto& [key, _] : object.fields()) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

void below(const JsonValue& value, Values& out) {
  out.push_back(value);
  if (value.has_list_value())
    for (const auto& item : value.list_value().values()) below(item, out);
  if (value.has_struct_value()) {
    for (const auto& key : keys_of(value.struct_value())) below(value.struct_value().fields().at(key), out);
  }
}

void add_field(const JsonValue& value, const std::string& name, Values& out) {
  if (!value.has_struct_value()) return;
  const auto it = value.struct_value().fields().find(name);
  if (it != value.struct_value().fields().end()) out.push_back(it->second);
}

Values follow(const Values& from, const Steps& steps);

bool holds(const JsonValue& item, const Filter& filter) {
  const Values found = follow({item}, *filter.left);
  if (filter.relation.empty()) return !found.empty();
  if (found.empty()) return false;
  const auto compared = compare(found.front(), filter.right);
  if (filter.relation == "==") return compared == 0;
  if (filter.relation == "!=") return compared != 0;
  if (filter.relation == "<") return compared < 0;
  if (filter.relation == "<=") return compared <= 0;
  if (filter.relation == ">") return compared > 0;
  return compared >= 0;
}

void slice(const google::protobuf::ListValue& list, const Slice& slice, Values& out) {
  const int size = list.values_size();
  const auto place = [&](int at) { return std::clamp(at < 0 ? at + size : at, 0, size); };
  const int to = place(slice.to.value_or(size));
  for (int i = place(slice.from.value_or(0)); i < to; i += std::max(1, slice.step.value_or(1)))
    out.push_back(list.values(i));
}

Values follow(const Values& from, const Steps& steps) {
  Values now = from;
  for (const auto& step : steps) {
    Values next;
    for (const auto& value : now) {
      if (const auto* field = std::get_if<Field>(&step.what)) {
        add_field(value, field->name, next);
      } else if (const auto* fields = std::get_if<Fields>(&step.what)) {
        for (const auto& name : fields->names) add_field(value, name, next);
      } else if (std::holds_alternative<Descend>(step.what)) {
        below(value, next);
      } else if (std::holds_alternative<Every>(step.what)) {
        if (value.has_list_value())
          next.insert(next.end(), value.list_value().values().begin(), value.list_value().values().end());
        if (value.has_struct_value())
          for (const auto& key : keys_of(value.struct_value()))
            next.push_back(value.struct_value().fields().at(key));
      } else if (!value.has_list_value()) {
        continue;
      } else if (const auto* index = std::get_if<Index>(&step.what)) {
        const int size = value.list_value().values_size();
        for (const int at : index->indices) {
          const int place = at < 0 ? at + size : at;
          if (place >= 0 && place < size) next.push_back(value.list_value().values(place));
        }
      } else if (const auto* part = std::get_if<Slice>(&step.what)) {
        slice(value.list_value(), *part, next);
      } else if (const auto* filter = std::get_if<Filter>(&step.what)) {
        for (const auto& item : value.list_value().values())
          if (holds(item, *filter)) next.push_back(item);
      }
    }
    now = std::move(next);
  }
  return now;
}

// Fields in the order of their names, so that the same value is the same text.
void write_json(const JsonValue& value, std::string& out) {
  bool first = true;
  const auto separate = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  if (value.has_list_value()) {
    out += '[';
    for (const auto& item : value.list_value().values()) {
      separate();
      write_json(item, out);
    }
    out += ']';
  } else if (value.has_struct_value()) {
    out += '{';
    for (const auto& key : keys_of(value.struct_value())) {
      separate();
      JsonValue name;
      name.set_string_value(key);
      write_json(name, out);
      out += ':';
      write_json(value.struct_value().fields().at(key), out);
    }
    out += '}';
  } else {
    std::string text;
    (void)google::protobuf::util::MessageToJsonString(value, &text);  // a plain value has no form that fails
    out += text;
  }
}

}  // namespace

// Text, or a path, or a path with what is printed for each of its results.
struct JsonPath::Node {
  std::string text;
  bool is_path = false;
  Steps steps;
  bool is_range = false;
  std::vector<Node> body;
};

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : all_(text), rest_(text) {}

  Result<std::vector<JsonPath::Node>> nodes(bool inside_range) {
    std::vector<JsonPath::Node> out;
    while (!rest_.empty()) {
      if (rest_.front() != '{') {
        const auto end = std::min(rest_.find('{'), rest_.size());
        out.push_back({.text = std::string(rest_.substr(0, end))});
        rest_.remove_prefix(end);
        continue;
      }
      rest_.remove_prefix(1);
      skip_blanks();
      if (take("end")) {
        skip_blanks();
        if (!take("}")) return wrong("} is missing");
        if (!inside_range) return wrong("{end} without {range}");
        return out;
      }
      const bool range = take("range");
      JsonPath::Node node;
      skip_blanks();
      if (!range && !rest_.empty() && (rest_.front() == '"' || rest_.front() == '\'')) {
        node.text = TRY(quoted());
      } else {
        node.steps = TRY(steps());
        node.is_path = true;
        node.is_range = range;
      }
      skip_blanks();
      if (!take("}")) return wrong("} is missing");
      if (range) node.body = TRY(nodes(true));
      out.push_back(std::move(node));
    }
    if (inside_range) return wrong("{end} is missing");
    return out;
  }

  // One path that stands alone.
  Result<std::vector<JsonPath::Node>> bare() {
    JsonPath::Node node;
    node.is_path = true;
    node.steps = TRY(steps());
    if (!rest_.empty()) return wrong("is not understood");
    return std::vector{std::move(node)};
  }

 private:
  std::unexpected<Error> wrong(const std::string& what) const {
    return fail(Code::kInvalid,
                fmt::format("\"{}\", at character {}: {}", all_, all_.size() - rest_.size() + 1, what));
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  Result<std::string> quoted() {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    std::string out;
    while (!rest_.empty() && rest_.front() != quote) {
      char c = rest_.front();
      if (c == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        c = rest_.front() == 'n' ? '\n' : rest_.front() == 't' ? '\t' : rest_.front();
      }
      out += c;
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) return wrong("the quote is not closed");
    rest_.remove_prefix(1);
    return out;
  }

  // A field's name after a dot; "\." is a dot in it.
  std::string name() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      if (c == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        c = rest_.front();
      } else if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-' && c != '/') {
        break;
      }
      out += c;
      rest_.remove_prefix(1);
    }
    return out;
  }

  std::optional<int> number() {
    int value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  Result<Steps> steps() {
    Steps out;
    if (!take("$")) take("@");
    bool first = true;
    while (!rest_.empty()) {
      if (take("..")) {
        out.push_back({Descend{}});
        if (rest_.starts_with("[")) continue;
        out.push_back(TRY(named()));
      } else if (take(".")) {
        if (first && (rest_.empty() || rest_.front() == '}')) return out;  // {.}: all of it
        if (rest_.starts_with("[")) continue;
        out.push_back(TRY(named()));
      } else if (take("[")) {
        out.push_back(TRY(bracket()));
      } else if (first && std::isalpha(static_cast<unsigned char>(rest_.front())) != 0) {
        out.push_back(TRY(named()));
      } else {
        break;
      }
      first = false;
    }
    return out;
  }

  Result<Step> named() {
    if (take("*")) return Step{Every{}};
    auto field = name();
    if (field.empty()) return wrong("a field's name is missing");
    return Step{Field{std::move(field)}};
  }

  Result<Step> bracket() {
    skip_blanks();
    if (take("*]")) return Step{Every{}};
    if (take("?(")) return filter();
    if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"')) {
      Fields fields;
      do {
        skip_blanks();
        if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"'))
          return wrong("a quote is missing");
        fields.names.push_back(TRY(quoted()));
        skip_blanks();
      } while (take(","));
      if (!take("]")) return wrong("] is missing");
      return Step{std::move(fields)};
    }
    const auto first = number();
    if (rest_.starts_with(":")) {
      Slice slice{.from = first};
      take(":");
      slice.to = number();
      if (take(":")) slice.step = number();
      if (!take("]")) return wrong("] is missing");
      return Step{slice};
    }
    if (!first) return wrong("a number, a quoted name, * or ?( is missing");
    Index index{{*first}};
    while (take(",")) {
      skip_blanks();
      const auto next = number();
      if (!next) return wrong("a number is missing");
      index.indices.push_back(*next);
    }
    if (!take("]")) return wrong("] is missing");
    return Step{std::move(index)};
  }

  Result<Step> filter() {
    Filter filter;
    skip_blanks();
    if (!rest_.starts_with("@")) return wrong("a filter begins with @");
    filter.left = std::make_shared<Steps>(TRY(steps()));
    skip_blanks();
    for (const std::string_view relation : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take(relation)) continue;
      filter.relation = relation;
      skip_blanks();
      TRY(literal(filter.right));
      break;
    }
    skip_blanks();
    if (!take(")")) return wrong(") is missing");
    skip_blanks();
    if (!take("]")) return wrong("] is missing");
    return Step{std::move(filter)};
  }

  Result<> literal(JsonValue& out) {
    if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"')) {
      out.set_string_value(TRY(quoted()));
    } else if (take("true")) {
      out.set_bool_value(true);
    } else if (take("false")) {
      out.set_bool_value(false);
    } else {
      double value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc()) return wrong("a quoted text, a number, true or false is missing");
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      out.set_number_value(value);
    }
    return {};
  }

  const std::string_view all_;
  std::string_view rest_;
};

void print_into(std::string& out, const std::vector<JsonPath::Node>& nodes, const JsonValue& root) {
  for (const auto& node : nodes) {
    if (!node.is_path) {
      out += node.text;
      continue;
    }
    const Values found = follow({root}, node.steps);
    for (size_t i = 0; i < found.size(); ++i) {
      if (node.is_range) {
        print_into(out, node.body, found[i]);
      } else {
        out += (i ? " " : "") + plain(found[i]);
      }
    }
  }
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  Parser parser(text);
  JsonPath path;
  path.nodes_ = std::make_shared<const std::vector<Node>>(text.contains('{') ? TRY(parser.nodes(false))
                                                                             : TRY(parser.bare()));
  return path;
}

std::string JsonPath::print(const JsonValue& root) const {
  std::string out;
  print_into(out, *nodes_, root);
  return out;
}

std::vector<JsonValue> JsonPath::find(const JsonValue& root) const {
  Values out;
  for (const auto& node : *nodes_) {
    if (!node.is_path) continue;
    auto found = follow({root}, node.steps);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

std::string plain(const JsonValue& value) {
  if (value.has_string_value()) return value.string_value();
  std::string out;
  write_json(value, out);
  return out;
}

std::strong_ordering compare(const JsonValue& a, const JsonValue& b) {
  const auto number = [](const JsonValue& value) -> std::optional<double> {
    if (value.has_number_value()) return value.number_value();
    double parsed = 0;
    const std::string& text = value.string_value();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return parsed;
  };
  const auto left = number(a);
  const auto right = number(b);
  if (left && right)
    return *left < *right   ? std::strong_ordering::less
           : *left > *right ? std::strong_ordering::greater
                            : std::strong_ordering::equal;
  return plain(a) <=> plain(b);
}

}  // namespace qleet::cli
