#include "cli/progress.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/interrupt.h"
#include "cli/last_lines.h"
#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

std::string how_to_follow(const std::vector<std::string>& applications) {
  std::string text;
  for (const auto& application : applications)
    text += (text.empty() ? "" : ", ") + ("qleet tree --watch " + application);
  return text;
}

void explain(Session& session, const std::string& application) {
  v1::Description description;
  if (!session.hub.get_into("/v1/describe/applications/" + http::encode(application), description)) return;
  print_error("\n" + description.summary() + "\n");
  for (const auto& detail : description.details()) print_error("  " + detail + "\n");
  if (!description.repair().empty()) print_error("  To repair: " + description.repair() + "\n");
  print_error(last_lines(session, description));
}

}  // namespace

Progress progress_of(const v1::Tree& tree, const std::string& environment) {
  bool any = false;
  bool waits = false;
  for (const auto& place : tree.places()) {
    if (!environment.empty() && place.environment() != environment) continue;
    any = true;
    if (place.state() == "Stalled" || place.state() == "Blocked") return Progress::kFailed;
    if (place.state() == "AwaitingApproval" || place.state() == "AwaitingEnvironment") {
      waits = true;
    } else if (place.state() != "Ready") {
      return Progress::kOnTheWay;
    }
  }
  if (!any) return Progress::kOnTheWay;
  return waits ? Progress::kWaitsForPeople : Progress::kDone;
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

Exit until_gone(Session& session, const std::string& plural, const std::string& name, Millis timeout) {
  return until(session, "/v1/" + plural + "?watch=true", timeout, [&]() -> std::optional<Exit> {
    const auto read = session.hub.get("/v1/" + plural + "/" + http::encode(name));
    if (read || read.error().code == Code::kUnavailable) return std::nullopt;
    return read.error().code == Code::kNotFound ? Exit::kOk : report(read.error());
  });
}

Exit follow(Session& session, const std::vector<std::string>& applications, const std::string& environment,
            const std::string& timeout) {
  auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const auto begun = session.clock.mono();
  const bool quiet = session.for_programs() || session.format == Format::kName;
  const bool drawn = session.terminal.interactive();
  const Interrupt interrupt("qleet: no longer followed; it goes on: " + how_to_follow(applications));
  std::vector<std::string> stalled;
  std::vector<PictureLine> picture;
  TreeChanges changes;
  int unreachable = 0;

  const Exit exit = until(session, "/v1/resources?watch=true", *limit, [&]() -> std::optional<Exit> {
    std::string news;
    bool on_the_way = false;
    stalled.clear();
    picture.clear();
    for (const auto& application : applications) {
      v1::Tree tree;
      const auto read = session.hub.get_into("/v1/applications/" + http::encode(application) + "/tree", tree);
      if (!read) {
        // The hub may be restarting: what was acknowledged goes on.
        if (read.error().code == Code::kUnavailable && ++unreachable < 30) return std::nullopt;
        return report(read.error());
      }
      unreachable = 0;
      if (applications.size() > 1) picture.push_back({application, false});
      const TreeLook look{.elapsed = human_duration(session.clock.mono() - begun),
                          .now = session.clock.wall()};
      for (auto& line : draw_tree(session.terminal, tree, look)) picture.push_back(std::move(line));
      if (!drawn) news += changes.news(tree);
      const auto progress = progress_of(tree, environment);
      on_the_way = on_the_way || progress == Progress::kOnTheWay;
      if (progress == Progress::kFailed) stalled.push_back(application);
    }
    if (!quiet) {
      print(news);
      session.terminal.draw(fitted(picture, session.terminal.rows()));
    }
    if (on_the_way) return std::nullopt;
    return stalled.empty() ? Exit::kOk : Exit::kFailed;
  });
  if (!quiet && !picture.empty()) session.terminal.settle(fitted(picture, picture.size()));

  if (exit == Exit::kTimeout) stalled = applications;
  if (exit == Exit::kTimeout || exit == Exit::kFailed) {
    for (const auto& application : stalled) explain(session, application);
    if (exit == Exit::kTimeout)
      print_error("qleet: not done within " + timeout + "; it goes on: " + how_to_follow(applications) +
                  "\n");
  }
  return exit;
}

}  // namespace qleet::cli
