// What CI says and asks: build notify.
#include <chrono>
#include <map>
#include <thread>

#include "cli/answers.h"
#include "cli/commands.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "google/protobuf/util/time_util.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

constexpr auto kBetweenLooks = std::chrono::seconds(1);
constexpr int kMostUnreachable = 30;

std::string fate_line(const v1::DeliveryAnswer& fate) {
  return fate.application() + "  " + fate.environment() + "  release " + std::to_string(fate.release()) +
         "  " + fate.state() + (fate.reason().empty() ? "" : ": " + one_line(fate.reason())) + "\n";
}

// Shows what the build comes to: on a terminal as one picture, otherwise a line for each change.
class FateView {
 public:
  explicit FateView(Session& session)
      : session_(session), quiet_(session.for_programs() || session.format == Format::kName) {}

  void show(const v1::DeliveryAnswers& fates) {
    if (quiet_) return;
    picture_.clear();
    for (const auto& fate : fates.releases()) {
      const auto line = fate_line(fate);
      picture_ += line;
      auto& known = known_[fate.application() + "." + fate.environment()];
      if (!session_.terminal.interactive() && known != line) print(line);
      known = line;
    }
    if (session_.terminal.interactive()) session_.terminal.draw(picture_);
  }
  void end() {
    if (!picture_.empty()) session_.terminal.settle(picture_);
  }

 private:
  Session& session_;
  const bool quiet_;
  std::string picture_;
  std::map<std::string, std::string> known_;  // deployment -> its line
};

// With no other right than to tell of builds.
Exit follow_build(Session& session, const std::string& build, const std::string& timeout) {
  const auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const auto deadline = session.clock.mono() + *limit;
  FateView view(session);
  v1::DeliveryAnswers fates;
  for (int unreachable = 0;;) {
    v1::DeliveryAnswers now;
    const auto read = session.hub.get_into("/v1/builds/" + http::encode(build) + "/fate", now);
    // The hub may be restarting: what was acknowledged goes on.
    if (!read && (read.error().code != Code::kUnavailable || ++unreachable >= kMostUnreachable)) {
      view.end();
      return report(read.error());
    }
    if (read) {
      unreachable = 0;
      fates = std::move(now);
      view.show(fates);
      if (fates.state() != "RollingOut") break;
    }
    if (session.clock.mono() >= deadline) {
      view.end();
      (void)print_for_programs(session, fates);
      print_error("qleet: not done within " + timeout + "; it goes on\n");
      return Exit::kTimeout;
    }
    std::this_thread::sleep_for(std::min<Millis>(kBetweenLooks, deadline - session.clock.mono()));
  }
  view.end();
  (void)print_for_programs(session, fates);
  if (fates.state() != "Failed") return Exit::kOk;
  print_error("qleet: the build did not become ready everywhere\n");
  return Exit::kFailed;
}

}  // namespace

Exit run(Session& session, const NotifyCommand& command) {
  auto build = build_named(command.image, command.tag, command.digest);
  build.set_revision(command.revision);
  build.set_application(command.application);
  build.set_number(command.number);
  if (!command.revision_time.empty() &&
      !google::protobuf::util::TimeUtil::FromString(command.revision_time, build.mutable_revision_time()))
    return report({Code::kInvalid,
                   "--revision-time " + command.revision_time +
                       ": write it as 2026-01-31T12:00:00Z, for example with: git log -1 --format=%cI",
                   {}});
  http::Headers headers;
  if (!command.key.empty()) headers.emplace_back("Idempotency-Key", command.key);
  v1::DeliveryAnswers answers;
  const auto sent = session.hub.send_into("POST", "/v1/builds", model::to_json(build), answers, headers);
  if (!sent) return report(sent.error());
  // A hub of before says nothing else of it.
  const bool followed = answers.state() != "NotFollowed" && !answers.releases().empty();
  const bool waits = command.wait.wait && followed;
  if (!(waits && session.for_programs()) && !print_for_programs(session, answers))
    print_answers(session, answers.releases());
  if (!followed) {
    print_error(
        "qleet: " + (answers.message().empty() ? "nothing follows this image" : one_line(answers.message())) +
        "\n");
    return command.allow_unfollowed ? Exit::kOk : Exit::kNotFollowed;
  }
  return waits ? follow_build(session, answers.build(), command.wait.timeout) : Exit::kOk;
}

}  // namespace qleet::cli
