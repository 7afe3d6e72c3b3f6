// qleet logs: of an application, one of its workloads, or of what they stand on.
#include <algorithm>
#include <set>
#include <thread>

#include "cli/commands.h"
#include "cli/last_lines.h"
#include "cli/log_view.h"
#include "cli/query.h"
#include "common/clock/duration.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

constexpr Millis kTryAgain{1'000};
// A stream that is followed and ends so often without a line has nothing to say.
constexpr int kMostEmpty = 3;

// Whose logs, as the API asks it.
struct Target {
  std::string path;  // without its query
  Query query;
  std::string application = {};  // empty: none, or several
};

bool has(const LogsCommand& command, const v1::Resource& resource) {
  const auto& spec = resource.spec();
  return (command.environment.empty() || spec.environment() == command.environment) &&
         (command.region.empty() || spec.region() == command.region);
}

std::string logs_of_application(const std::string& name) {
  return "/v1/applications/" + http::encode(name) + "/logs";
}
std::string logs_of_resource(const std::string& name) {
  return "/v1/resources/" + http::encode(name) + "/logs";
}

// "postgres/web.db", without an application: the one that has it.
Result<Target> of_dependency(Session& session, const LogsCommand& command, const std::string& type,
                             const std::string& id) {
  std::set<std::string> applications;
  std::vector<std::string> shared;
  for (const auto& item : TRY(session.hub.list("/v1/resources"))) {
    v1::Resource resource;
    TRY(parse(item, resource));
    if (resource.spec().type() != type || resource.spec().id() != id || !has(command, resource)) continue;
    if (resource.spec().application().empty()) {
      shared.push_back(resource.metadata().name());
    } else {
      applications.insert(resource.spec().application());
    }
  }
  const std::string name = type + "/" + id;
  if (applications.size() + shared.size() > 1) {
    std::string which;
    for (const auto& application : applications)
      which += (which.empty() ? "" : ", or ") + ("qleet logs " + application + " --resource " + name);
    for (const auto& resource : shared) which += (which.empty() ? "" : ", or ") + ("qleet logs " + resource);
    return fail(Code::kInvalid, "several have " + name + "; say which: " + which);
  }
  if (!shared.empty()) return Target{.path = logs_of_resource(shared.front()), .query = {}};
  if (applications.empty())
    return fail(Code::kNotFound, "neither an application \"" + type + "\" nor a resource " + name +
                                     " exists; qleet get apps lists applications");
  Target target{logs_of_application(*applications.begin()), {}, *applications.begin()};
  target.query.add("resource", name);
  return target;
}

Result<Target> target_of(Session& session, const LogsCommand& command) {
  const auto& name = command.application;
  const auto slash = name.find('/');
  Target target{logs_of_application(name.substr(0, slash)), {}, name.substr(0, slash)};
  std::string workload = command.workload;
  if (slash == std::string::npos && std::ranges::count(name, '.') >= 4) {
    // The full name of a resource, as `qleet get resources` and `describe` print it.
    const auto parts = resource_parts(name);
    if (!parts) return fail(Code::kInvalid, "\"" + name + "\" is no name of a resource");
    if (parts->application == "-") {
      target = {.path = logs_of_resource(name), .query = {}};
    } else {
      target = {.path = logs_of_application(parts->application), .query = {}};
      target.query.add("environment", parts->environment);
      target.query.add("region", parts->region);
      target.query.add("resource", parts->type + "/" + parts->id);
    }
  } else {
    if (slash != std::string::npos) {
      const auto first = name.substr(0, slash);
      if (!command.workload.empty() || !command.resource.empty())
        return fail(Code::kInvalid, "\"" + name + "\" names a workload already; leave the other name out");
      workload = name.substr(slash + 1);
      const auto application = session.hub.get("/v1/applications/" + http::encode(first));
      if (!application && application.error().code == Code::kNotFound)
        target = TRY(of_dependency(session, command, first, workload));
      else
        target.query.add("workload", workload);
    } else {
      target.query.add("workload", workload);
      target.query.add("resource", command.resource);
    }
    if (target.path.starts_with("/v1/applications/")) {
      target.query.add("environment", command.environment);
      target.query.add("region", command.region);
    }
  }
  target.query.add("container", command.container);
  return target;
}

// Whether the application is in more than one environment or region; yes where nobody may tell.
void look_where(Session& session, const LogsCommand& command, const std::string& application,
                LogViewOptions& options) {
  v1::Tree tree;
  if (application.empty() ||
      !session.hub.get_into("/v1/applications/" + http::encode(application) + "/tree", tree))
    return;
  std::set<std::string> environments;
  std::set<std::string> regions;
  for (const auto& place : tree.places()) {
    if (!command.environment.empty() && place.environment() != command.environment) continue;
    environments.insert(place.environment());
    if (!place.region().empty()) regions.insert(place.region());
  }
  options.environments = environments.size() > 1;
  options.regions = regions.size() > 1 && command.region.empty();
}

class Streaming {
 public:
  Streaming(Session& session, const LogsCommand& command, const Target& target, LogView& view)
      : session_(session), command_(command), target_(target), view_(view) {}

  Exit run() {
    int empty = 0;
    for (bool first = true;; first = false) {
      const auto lines = view_.lines();
      const auto streamed = session_.hub.stream(path(), [&](std::string_view data) {
        view_.feed(data);
        return true;
      });
      const bool any = view_.lines() > lines;
      if (!command_.follow) {
        if (!streamed) return report(streamed.error());
        return view_.lines() == 0 && view_.notes() > 0 ? Exit::kFailed : Exit::kOk;
      }
      view_.interrupted();
      if (!streamed) {
        const auto code = streamed.error().code;
        // What was there and is gone has been followed to its end.
        if (!first && code == Code::kNotFound) return Exit::kOk;
        const bool passes = code == Code::kUnavailable || code == Code::kDeadline || code == Code::kExhausted;
        if (!passes || (first && view_.lines() == 0)) return report(streamed.error());
        if (!lost_) print_error("qleet: the connection to the hub was lost; it is tried again\n");
        lost_ = true;
      } else {
        empty = any ? 0 : empty + 1;
        if (empty >= kMostEmpty) return view_.notes() > 0 ? Exit::kFailed : Exit::kOk;
      }
      if (any) lost_ = false;
      std::this_thread::sleep_for(kTryAgain);
    }
  }

 private:
  std::string path() const {
    Query query = target_.query;
    query.add("timestamps", "true");
    query.add("follow", command_.follow ? "true" : "");
    query.add("previous", command_.previous ? "true" : "");
    if (const auto from = view_.resume_from()) {
      query.add("since", format_time(*from - Millis(1)));
    } else {
      query.add("since", command_.since);
      query.add("tail", std::to_string(command_.tail));
    }
    return target_.path + query.text;
  }

  Session& session_;
  const LogsCommand& command_;
  const Target& target_;
  LogView& view_;
  bool lost_ = false;
};

}  // namespace

Exit run(Session& session, const LogsCommand& command) {
  const auto target = target_of(session, command);
  if (!target) return report(target.error());
  LogViewOptions options{.safe = prints_to_terminal(),
                         .json = session.format == Format::kJson,
                         .prefix = command.prefix,
                         .timestamps = command.timestamps};
  if (options.prefix && !options.json) look_where(session, command, target->application, options);
  LogView view(
      session.terminal, options,
      // Whoever pipes a log wants its bytes.
      [&](std::string_view shown) { options.safe ? print(shown) : print_raw(shown); },
      [](std::string_view note) { print_error("-- " + one_line(note) + "\n"); });
  return Streaming(session, command, *target, view).run();
}

}  // namespace qleet::cli
