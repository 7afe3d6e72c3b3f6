#include "cli/tree_view.h"

#include <algorithm>

#include "cli/columns.h"
#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kReady = "Ready";

std::string name_of(const v1::TreeNode& node) {
  if (node.type() == "workload") return node.id();
  if (node.type().empty()) return node.resource();
  return node.type() + " " + (node.alias().empty() ? node.id() : node.alias());
}

// Who waits says why what it waits for is not ready, which stands further down as well.
void leave_out_told_below(std::string& text, const v1::TreeNode& node) {
  for (const auto& child : node.children()) {
    const auto& told = child.message();
    if (child.state() != kReady && !told.empty() && text.ends_with(told) && text != told) {
      text.resize(text.size() - told.size());
      while (text.ends_with(' ') || text.ends_with(':')) text.pop_back();
      return;
    }
    leave_out_told_below(text, child);
  }
}

std::string remark(const v1::TreeNode& node) {
  std::string text;
  if (node.state() == kReady) {
    if (const auto url = node.outputs().find("url"); url != node.outputs().end()) text = url->second;
    for (const auto& other : node.shared_with())
      text += (text.empty() || text.ends_with("with: ") ? "" : ", ") +
              std::string(text.contains("shared with") ? "" : "shared with: ") + other;
    if (text.empty()) text = node.message();
  } else {
    text = node.message().empty() ? node.reason() : node.message();
    if (text == node.state()) text.clear();
    leave_out_told_below(text, node);
    if (node.attempts() > 1) text += " (tried " + std::to_string(node.attempts()) + " times)";
  }
  return text;
}

std::string time_since(const v1::TreeNode& node, const TreeLook& look) {
  if (!look.now || node.state() == kReady || !node.has_since()) return {};
  const WallTime since(Millis(node.since().seconds() * 1000 + node.since().nanos() / 1'000'000));
  if (since >= *look.now) return {};
  const auto passed = *look.now - since;
  if (passed >= std::chrono::minutes(1)) return human_duration(passed);
  return std::to_string(passed.count() / 1000) + " s";
}

struct Line {
  std::string label;
  std::string state;
  std::string remark;
};

void collect(const v1::TreeNode& node, const std::string& before, const std::string& before_children,
             const Terminal& terminal, const TreeLook& look, std::vector<Line>& lines) {
  const std::string mark = terminal.paint(mark_of_state(node.state()), colour_of_state(node.state()));
  // In front: a narrow window cuts off what is behind.
  std::string text = time_since(node, look);
  const std::string what = remark(node);
  text += (text.empty() || what.empty() ? "" : ": ") + what;
  if (node.repeated()) text += text.empty() ? "(see above)" : " (see above)";
  lines.push_back({before + mark + " " + one_line(name_of(node)), node.state(), one_line(text)});
  // What was shown further up and is well needs no second line.
  std::vector<const v1::TreeNode*> shown;
  for (const auto& child : node.children()) {
    if (!child.repeated() || child.state() != kReady) shown.push_back(&child);
  }
  for (size_t i = 0; i < shown.size(); ++i) {
    const bool last = i + 1 == shown.size();
    collect(*shown[i], before_children + (last ? "└─" : "├─"), before_children + (last ? "  " : "│ "),
            terminal, look, lines);
  }
}

bool says_why(const v1::TreeNode& node) {
  if (node.state() != kReady && !(node.message().empty() && node.reason().empty())) return true;
  return std::ranges::any_of(node.children(), says_why);
}

// A place's own message, where the tree below does not say the same with more.
std::string message_of(const v1::TreePlace& place) {
  return std::ranges::any_of(place.roots(), says_why) ? std::string() : place.message();
}

std::string title_of(const v1::TreePlace& place) {
  return place.environment() + (place.region().empty() ? "" : " / " + place.region());
}

void trim(std::string& text) {
  while (text.ends_with(' ')) text.pop_back();
}

}  // namespace

std::vector<PictureLine> draw_tree(const Terminal& terminal, const v1::Tree& tree, const TreeLook& look) {
  std::vector<PictureLine> out;
  for (const auto& place : tree.places()) {
    std::vector<Line> lines;
    for (const auto& root : place.roots()) collect(root, "", "", terminal, look, lines);
    size_t width = 28;
    for (const auto& line : lines) width = std::max(width, display_width(line.label) + 2);
    if (!out.empty()) out.push_back({"", true});
    std::string title = terminal.paint(pad(title_of(place), width), Colour::kBold) +
                        terminal.paint(pad(place.state(), 13), colour_of_state(place.state())) + look.elapsed;
    trim(title);
    out.push_back({title, false});
    if (const auto message = message_of(place); !message.empty())
      out.push_back({"  " + one_line(message), place.state() == kReady});
    for (const auto& line : lines) {
      std::string text = pad(line.label, width) +
                         terminal.paint(pad(line.state, 13), colour_of_state(line.state)) + line.remark;
      trim(text);
      out.push_back({text, line.state == kReady});
    }
  }
  if (tree.places().empty()) out.push_back({tree.application() + " is nowhere yet", false});
  return out;
}

std::string fitted(const std::vector<PictureLine>& lines, size_t rows) {
  size_t leave_out = 0;
  size_t calm = 0;
  if (lines.size() > rows) {
    // One line says how many.
    leave_out = lines.size() - rows + 1;
    calm = std::min<size_t>(leave_out, std::ranges::count_if(lines, &PictureLine::calm));
  }
  const size_t others = leave_out - calm;
  // The last calm ones go, then the last of what is left.
  std::vector<bool> gone(lines.size(), false);
  for (size_t i = lines.size(), left = calm; i-- > 0 && left > 0;) {
    if (!lines[i].calm) continue;
    gone[i] = true;
    --left;
  }
  for (size_t i = lines.size(), left = others; i-- > 0 && left > 0;) {
    if (gone[i]) continue;
    gone[i] = true;
    --left;
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i)
    if (!gone[i]) out += lines[i].text + "\n";
  if (leave_out > 0)
    out += "... and " + std::to_string(leave_out) +
           (others > 0 ? " more lines\n" : " more lines of what is ready\n");
  return out;
}

std::string render_tree(const Terminal& terminal, const v1::Tree& tree, const std::string& elapsed) {
  const auto lines = draw_tree(terminal, tree, {.elapsed = elapsed, .now = {}});
  return fitted(lines, lines.size());
}

std::string TreeChanges::line(const std::string& key, const std::string& what, const std::string& why,
                              bool calm) {
  auto essence = what + ", " + without_numbers(why);
  const auto known = said_.find(key);
  const bool first = known == said_.end();
  if (!first && known->second == essence) return {};
  said_[key] = std::move(essence);
  // What was well from the beginning is no news.
  if (first && calm) return {};
  return what + (why.empty() ? "" : ", " + shortened(one_line(why))) + "\n";
}

void TreeChanges::walk(const std::string& place, const v1::TreeNode& node, std::set<std::string>& seen,
                       std::string& out) {
  const std::string key = place + "\n" + (node.resource().empty() ? name_of(node) : node.resource());
  if (!node.repeated() && seen.insert(key).second) {
    out += line(key, place + "  " + one_line(name_of(node)) + ": " + node.state(), remark(node),
                node.state() == kReady);
  }
  for (const auto& child : node.children()) walk(place, child, seen, out);
}

std::string TreeChanges::news(const v1::Tree& tree) {
  std::string out;
  std::set<std::string> seen;
  for (const auto& place : tree.places()) {
    const auto title = tree.application() + "  " + title_of(place);
    for (const auto& root : place.roots()) walk(title, root, seen, out);
    if (place.state().empty()) continue;  // nobody has looked at it yet
    out += line(title, title + ": " + place.state(), message_of(place), false);
  }
  if (tree.places().empty())
    out += line(tree.application(), tree.application() + " is nowhere yet", "", false);
  return out;
}

}  // namespace qleet::cli
