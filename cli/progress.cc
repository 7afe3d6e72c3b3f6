#include "cli/progress.h"

#include <algorithm>
#include <thread>

#include "cli/interrupt.h"
#include "cli/last_lines.h"
#include "cli/patience.h"
#include "common/clock/duration.h"
#include "common/thread/mutex.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"

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

bool is_in(const v1::Tree& tree, const std::string& environment) {
  // A hub of before tells places alone.
  return std::ranges::any_of(
             tree.environments(),
             [&](const auto& one) { return one.environment() == environment && !one.deleted(); }) ||
         (tree.environments().empty() && std::ranges::any_of(tree.places(), [&](const auto& place) {
            return place.environment() == environment;
          }));
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// In `environment` alone, where that is not empty. An empty tree: the application has yet to come there;
// kNotFound where it does not ask for it either, so that waiting would never end.
Result<v1::Tree> read_tree(Session& session, const std::string& application, const std::string& environment) {
  const std::string path = "/v1/applications/" + http::encode(application);
  v1::Tree tree;
  const auto read = session.hub.get_into(
      path + "/tree" + (environment.empty() ? "" : "?environment=" + http::encode(environment)), tree);
  if (!read && (environment.empty() || read.error().code != Code::kNotFound))
    return std::unexpected(read.error());
  if (environment.empty() || (read && is_in(tree, environment))) return tree;
  v1::Application wanted;
  if (const auto known = session.hub.get_into(path, wanted); !known)
    return std::unexpected(!read && known.error().code == Code::kDenied ? read.error() : known.error());
  std::vector<std::string> names(wanted.spec().environments().begin(), wanted.spec().environments().end());
  if (names.empty()) names.emplace_back("default");
  if (std::ranges::find(names, environment) == names.end())
    return fail(Code::kNotFound, "application \"" + application + "\": is not in environment " + environment +
                                     "; it is in: " + listed(names));
  v1::Tree empty;
  empty.set_application(application);
  return empty;
}

// Once for each environment; who may not read it counts on what is usual.
void learn_deadlines(Session& session, const v1::Tree& tree, Patience& patience) {
  for (const auto& one : tree.environments()) {
    const auto& name = one.environment();
    if (patience.knows(name)) continue;
    v1::Environment environment;
    const auto read = session.hub.get_into("/v1/environments/" + http::encode(name), environment);
    patience.learn(name, read ? deadline_named(environment.spec().rollout().deadline()) : kUsualDeadline);
  }
}

}  // namespace

Exit until(Session& session, const std::string& watch_path, Millis timeout,
           const std::function<std::optional<Exit>()>& look) {
  return until(session, watch_path, [end = session.clock.mono() + timeout] { return end; }, look);
}

Exit until(Session& session, const std::string& watch_path, const std::function<MonoTime()>& ends,
           const std::function<std::optional<Exit>()>& look) {
  Mutex mutex;
  Condition changed;
  bool news = false;
  std::jthread watcher([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      // An error ends the stream only: the look below meets the same error and reports it, or the next watch
      // works again.
      (void)session.hub.stream(
          watch_path,
          [&](std::string_view) {
            const MutexLock lock(mutex);
            news = true;
            changed.notify_all();
            return !stop.stop_requested();
          },
          stop);
      MutexLock lock(mutex);
      changed.wait_for(lock, stop, Millis(500), [] { return false; });
    }
  });

  while (true) {
    {
      const MutexLock lock(mutex);
      news = false;
    }
    if (const auto exit = look()) return *exit;
    const auto now = session.clock.mono();
    const auto deadline = ends();
    if (now >= deadline) return Exit::kTimeout;
    MutexLock lock(mutex);
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
  std::optional<Millis> limit;
  if (!timeout.empty()) {
    const auto given = parse_duration(timeout);
    if (!given) return report(wrap(given.error(), "--timeout"));
    limit = *given;
  }
  const auto begun = session.clock.mono();
  Patience patience(begun, limit);
  const bool quiet = session.for_programs() || session.format == Format::kName;
  const bool drawn = session.terminal.interactive();
  const Interrupt interrupt("qleet: no longer followed; it goes on: " + how_to_follow(applications));
  std::vector<std::string> stalled;
  std::vector<std::string> replaced;
  std::vector<PictureLine> picture;
  TreeChanges changes;
  int unreachable = 0;

  const auto look_once = [&]() -> std::optional<Exit> {
    std::string news;
    bool on_the_way = false;
    stalled.clear();
    replaced.clear();
    picture.clear();
    for (const auto& application : applications) {
      const auto read = read_tree(session, application, environment);
      if (!read) {
        // The hub may be restarting: what was acknowledged goes on.
        if (read.error().code == Code::kUnavailable && ++unreachable < 30) return std::nullopt;
        return report(read.error());
      }
      unreachable = 0;
      const auto& tree = *read;
      if (!limit) {
        learn_deadlines(session, tree, patience);
        patience.see(tree, session.clock.mono());
      }
      if (applications.size() > 1) picture.push_back({application, false});
      const TreeLook look{.elapsed = human_duration(session.clock.mono() - begun),
                          .now = session.clock.wall()};
      for (auto& line : draw_tree(session.terminal, tree, look)) picture.push_back(std::move(line));
      if (!drawn) news += changes.news(tree);
      const auto progress = progress_of(tree, environment, goals);
      on_the_way = on_the_way || progress == Progress::kOnTheWay;
      if (progress == Progress::kFailed) stalled.push_back(application);
      for (auto& line : replacements(tree, environment, goals)) replaced.push_back(std::move(line));
    }
    if (!quiet) {
      print(news);
      session.terminal.draw(fitted(picture, session.terminal.rows()));
    }
    if (on_the_way) return std::nullopt;
    if (!stalled.empty()) return Exit::kFailed;
    return replaced.empty() ? Exit::kOk : Exit::kReplaced;
  };
  const Exit exit = until(session, "/v1/resources?watch=true", [&] { return patience.ends(); }, look_once);
  if (!quiet && !picture.empty()) session.terminal.settle(fitted(picture, picture.size()));

  for (const auto& line : replaced) print_error("qleet: " + line + "\n");
  if (exit == Exit::kReplaced)
    print_error("qleet: no longer followed; to follow what is wanted now: " + how_to_follow(applications) +
                "\n");
  if (exit == Exit::kTimeout) stalled = applications;
  if (exit == Exit::kTimeout || exit == Exit::kFailed) {
    for (const auto& application : stalled) explain(session, application);
    if (exit == Exit::kTimeout)
      print_error("qleet: not done within " + (limit ? timeout : human_duration(patience.lasted())) +
                  "; it goes on: " + how_to_follow(applications) + "\n");
  }
  return exit;
}

}  // namespace qleet::cli
