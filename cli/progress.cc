#include "cli/progress.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

std::string remark(const v1::TreeNode& node) {
  std::string text;
  if (node.state() == "Ready") {
    if (const auto url = node.outputs().find("url"); url != node.outputs().end()) text = url->second;
    for (const auto& other : node.shared_with())
      text += (text.empty() || text.ends_with("with: ") ? "" : ", ") +
              std::string(text.contains("shared with") ? "" : "shared with: ") + other;
    if (text.empty()) text = node.message();
  } else {
    text = node.message().empty() ? node.reason() : node.message();
    if (node.attempts() > 1) text += " (tried " + std::to_string(node.attempts()) + " times)";
  }
  if (node.repeated()) text += text.empty() ? "(see above)" : " (see above)";
  return text;
}

struct Line {
  std::string label;
  std::string state;
  std::string remark;
};

void collect(const v1::TreeNode& node, const std::string& before, const std::string& before_children,
             const Terminal& terminal, std::vector<Line>& lines) {
  const std::string mark = terminal.paint(mark_of_state(node.state()), colour_of_state(node.state()));
  const bool workload = node.type() == "workload";
  const std::string name =
      workload ? node.id() : node.type() + " " + (node.alias().empty() ? node.id() : node.alias());
  lines.push_back({before + mark + " " + one_line(name), node.state(), one_line(remark(node))});
  // What was shown further up and is well needs no second line.
  std::vector<const v1::TreeNode*> shown;
  for (const auto& child : node.children()) {
    if (!child.repeated() || child.state() != "Ready") shown.push_back(&child);
  }
  for (size_t i = 0; i < shown.size(); ++i) {
    const bool last = i + 1 == shown.size();
    collect(*shown[i], before_children + (last ? "└─" : "├─"), before_children + (last ? "  " : "│ "),
            terminal, lines);
  }
}

}  // namespace

std::string render_tree(const Terminal& terminal, const v1::Tree& tree, const std::string& elapsed) {
  std::string out;
  for (const auto& place : tree.places()) {
    std::string title = place.environment() + (place.region().empty() ? "" : " / " + place.region());
    std::vector<Line> lines;
    for (const auto& root : place.roots()) collect(root, "", "", terminal, lines);
    size_t width = 28;
    for (const auto& line : lines) width = std::max(width, display_width(line.label) + 2);
    if (!out.empty()) out += "\n";
    out += terminal.paint(pad(title, width), Colour::kBold);
    out += terminal.paint(pad(place.state(), 13), colour_of_state(place.state()));
    if (!elapsed.empty()) out += elapsed;
    while (out.ends_with(' ')) out.pop_back();
    out += "\n";
    if (!place.message().empty()) out += "  " + one_line(place.message()) + "\n";
    for (const auto& line : lines) {
      std::string text = pad(line.label, width) +
                         terminal.paint(pad(line.state, 13), colour_of_state(line.state)) + line.remark;
      while (text.ends_with(' ')) text.pop_back();
      out += text + "\n";
    }
  }
  if (tree.places().empty()) out += tree.application() + " is nowhere yet\n";
  return out;
}

Exit until(Session& session, const std::string& watch_path, Millis timeout,
           const std::function<std::optional<Exit>()>& look) {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool news = false;
  std::jthread watcher([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      // An error ends the stream only: the look below meets the same error and reports it, or the next watch
      // works again.
      (void)session.hub.stream(
          watch_path,
          [&](std::string_view) {
            std::lock_guard lock(mutex);
            news = true;
            changed.notify_all();
            return !stop.stop_requested();
          },
          stop);
      std::unique_lock lock(mutex);
      changed.wait_for(lock, stop, Millis(500), [] { return false; });
    }
  });

  const auto deadline = session.clock.mono() + timeout;
  while (true) {
    {
      std::lock_guard lock(mutex);
      news = false;
    }
    if (const auto exit = look()) return *exit;
    const auto now = session.clock.mono();
    if (now >= deadline) return Exit::kTimeout;
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::min<Millis>(Millis(1000), deadline - now), [&] { return news; });
  }
}

namespace {

std::string path_of(const model::Kind& kind, const std::string& name) {
  return "/v1/" + std::string(kind.plural) + "/" + http::encode(name);
}

Result<v1::ObjectMeta> read_meta(Session& session, const model::Kind& kind, const std::string& name) {
  const model::Object object(kind.prototype->New());
  TRY(session.hub.get_into(path_of(kind, name), *object));
  return model::meta(*object);
}

// Of what goes in time, and has been asked for again before it was gone.
bool stays(const model::Kind& kind, const v1::ObjectMeta& meta) {
  return kind.name == "Application" && !meta.has_deletion_timestamp();
}

}  // namespace

std::string uid_of(Session& session, const model::Kind& kind, const std::string& name) {
  const auto meta = read_meta(session, kind, name);
  return meta ? meta->uid() : "";
}

Exit until_gone(Session& session, const model::Kind& kind, const std::string& name, const std::string& uid,
                Millis timeout) {
  const std::string watched = "/v1/" + std::string(kind.plural) + "?watch=true";
  return until(session, watched, timeout, [&]() -> std::optional<Exit> {
    const auto read = read_meta(session, kind, name);
    if (!read) {
      if (read.error().code == Code::kUnavailable) return std::nullopt;
      return read.error().code == Code::kNotFound ? Exit::kOk : report(read.error());
    }
    if (uid.empty()) return std::nullopt;
    if (read->uid() != uid) return Exit::kOk;
    if (!stays(kind, *read)) return std::nullopt;
    print_error("qleet: " + name + " was applied again before it was gone: it stays\n");
    return Exit::kConflict;
  });
}

Exit follow(Session& session, const std::vector<std::string>& applications, const std::string& environment,
            const std::string& timeout, const std::vector<Goal>& goals) {
  auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const auto begun = session.clock.mono();
  const bool quiet = session.for_programs() || session.format == Format::kName;
  std::vector<std::string> stalled;
  int unreachable = 0;

  const Exit exit = until(session, "/v1/resources?watch=true", *limit, [&]() -> std::optional<Exit> {
    std::string picture;
    bool on_the_way = false;
    stalled.clear();
    for (const auto& application : applications) {
      v1::Tree tree;
      const auto read = session.hub.get_into("/v1/applications/" + http::encode(application) + "/tree", tree);
      if (!read) {
        // The hub may be restarting: what was acknowledged goes on.
        if (read.error().code == Code::kUnavailable && ++unreachable < 30) return std::nullopt;
        return report(read.error());
      }
      unreachable = 0;
      const std::string elapsed =
          session.terminal.interactive() ? human_duration(session.clock.mono() - begun) : "";
      if (applications.size() > 1) picture += application + "\n";
      picture += render_tree(session.terminal, tree, elapsed);
      const auto progress = progress_of(tree, environment, goals);
      on_the_way = on_the_way || progress == Progress::kOnTheWay;
      if (progress == Progress::kFailed) stalled.push_back(application);
    }
    if (!quiet) session.terminal.draw(picture);
    if (on_the_way) return std::nullopt;
    return stalled.empty() ? Exit::kOk : Exit::kFailed;
  });
  session.terminal.settle();

  if (exit == Exit::kTimeout) stalled = applications;
  if (exit == Exit::kTimeout || exit == Exit::kFailed) {
    for (const auto& application : stalled) {
      v1::Description description;
      if (session.hub.get_into("/v1/describe/applications/" + http::encode(application), description)) {
        print_error("\n" + description.summary() + "\n");
        for (const auto& detail : description.details()) print_error("  " + detail + "\n");
        if (!description.repair().empty()) print_error("  To repair: " + description.repair() + "\n");
      }
    }
    if (exit == Exit::kTimeout)
      print_error("qleet: not done within " + timeout + "; it goes on: qleet tree --watch " +
                  applications.front() + "\n");
  }
  return exit;
}

}  // namespace qleet::cli
