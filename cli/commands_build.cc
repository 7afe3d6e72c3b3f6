// What CI says and asks: build notify.
#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/answers.h"
#include "cli/build_fates.h"
#include "cli/commands.h"
#include "cli/patience.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "google/protobuf/util/time_util.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

constexpr auto kBetweenLooks = std::chrono::seconds(1);
constexpr int kMostUnreachable = 30;

// Shows what the build comes to: on a terminal as one picture, otherwise a line for each change.
class FateView {
 public:
  explicit FateView(Session& session)
      : session_(session), quiet_(session.for_programs() || session.format == Format::kName) {}

  void show(const v1::DeliveryAnswers& fates) {
    if (quiet_) return;
    if (!session_.terminal.interactive()) return print(changes_.news(fates));
    picture_ = states_of(fates, Length::kWhole);
    session_.terminal.draw(picture_);
  }
  void end() {
    if (!picture_.empty()) session_.terminal.settle(picture_);
  }
  // Once more, where it does not stand at the end already.
  void repeat(const v1::DeliveryAnswers& fates) const {
    if (!quiet_ && !session_.terminal.interactive()) print(states_of(fates, Length::kShort));
  }

 private:
  Session& session_;
  const bool quiet_;
  std::string picture_;
  FateChanges changes_;
};

// The workload that the build is for; empty where that is not to be known: whoever tells of builds may not
// read releases.
std::string workload_of(Session& session, const std::string& build, const v1::DeliveryAnswer& fate) {
  v1::Release release;
  const auto name = fate.application() + "." + std::to_string(fate.release());
  if (!session.hub.get_into("/v1/releases/" + http::encode(name), release)) return {};
  const auto& images = release.spec().images();
  const auto image = std::ranges::find(images, build, &v1::PinnedImage::build);
  return image == images.end() ? std::string() : image->workload();
}

std::string closing_words(Session& session, const v1::DeliveryAnswers& fates) {
  return how_to_go_on(fates, [&](const auto& fate) { return workload_of(session, fates.build(), fate); });
}

// With no other right than to tell of builds.
Exit follow_build(Session& session, const std::string& build, const std::string& given) {
  // Who tells of builds may not ask for deadlines.
  const std::string timeout = given.empty() ? kLongWait : given;
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
      view.repeat(fates);
      print_error("qleet: not done within " + timeout + "\n" + closing_words(session, fates));
      return any_failed(fates) ? Exit::kFailed : Exit::kTimeout;
    }
    std::this_thread::sleep_for(std::min<Millis>(kBetweenLooks, deadline - session.clock.mono()));
  }
  view.end();
  (void)print_for_programs(session, fates);
  const bool replaced = fates.state() == "Superseded";
  if (fates.state() != "Failed" && !replaced) return Exit::kOk;
  print_error(closing_words(session, fates));
  return replaced ? Exit::kReplaced : Exit::kFailed;
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
