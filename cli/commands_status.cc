// Whether everything is up, and who asks.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <string_view>
#include <utility>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/status_view.h"
#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

// No status is this.
constexpr std::string_view kAway = "away";

// Where a line stays: how long something has been so, which its message may say, is no change of it.
v1::SystemStatus essence_of(v1::SystemStatus status) {
  for (auto* notes : {status.mutable_problems(), status.mutable_waiting(), status.mutable_warnings()})
    for (auto& note : *notes) note.set_message(without_numbers(note.message()));
  return status;
}

// The same text for the same status, to compare by.
std::string text_of(const v1::SystemStatus& status) {
  std::string text;
  {
    google::protobuf::io::StringOutputStream out(&text);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    status.SerializeToCodedStream(&coded);
  }
  return text;
}

// Shows the present state: drawn over the one before on a terminal, otherwise below it.
void show(Session& session, const std::string& text, bool first) {
  if (session.terminal.interactive()) {
    session.terminal.draw(text);
  } else {
    print((first ? "" : "\n") + text);
  }
}

}  // namespace

Exit run(Session& session, const StatusCommand& command) {
  std::string last;
  bool first = true;
  const auto look = [&](bool watching) -> std::optional<Exit> {
    v1::SystemStatus status;
    const auto read = session.hub.get_into("/v1/status", status);
    if (!read) {
      if (watching && read.error().code == Code::kUnavailable) {
        if (std::exchange(last, std::string(kAway)) == kAway) return std::nullopt;
        const auto away = "the hub is away: " + one_line(read.error().message) + "\n";
        session.for_programs() || session.format == Format::kName
            ? print_error(away)
            : show(session, away, std::exchange(first, false));
        return std::nullopt;
      }
      return report(read.error());
    }
    const Exit exit = status.well() ? Exit::kOk : Exit::kFailed;
    const bool exact = session.terminal.interactive() || session.for_programs();
    auto now = text_of(exact ? status : essence_of(status));
    if (watching && now == last) return std::nullopt;
    last = std::move(now);
    if (session.format == Format::kName) {
      for (const auto& note : status.problems()) print(note.kind() + "/" + note.name() + "\n");
    } else if (!print_for_programs(session, status)) {
      const auto text = render_status(session.terminal, status, session.hub.url());
      watching ? show(session, text, std::exchange(first, false)) : print(text);
    }
    return watching ? std::nullopt : std::optional(exit);
  };
  if (!command.watch) return *look(false);
  return until(session, "/v1/deployments?watch=true", std::chrono::hours(24 * 365),
               [&] { return look(true); });
}

Exit run(Session& session, const WhoAmICommand&) {
  v1::WhoAmI who;
  const auto read = session.hub.get_into("/v1/whoami", who);
  if (!read) return report(read.error());
  if (print_for_programs(session, who)) return Exit::kOk;
  if (session.format == Format::kName) {
    print(who.subject() + "\n");
    return Exit::kOk;
  }
  const auto list = [](const auto& words, const std::string& none) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? none : out;
  };
  const auto line = [](const std::string& name, const std::string& text) {
    print(pad(name, 15) + one_line(text) + "\n");
  };
  line("subject", who.subject());
  line("roles", list(who.roles(), "none"));
  line("applications", list(who.applications(), "all"));
  line("token",
       who.token() + (who.has_expires()
                          ? ", until " + format_time(WallTime(std::chrono::seconds(who.expires().seconds())))
                          : ", until it is revoked"));
  line("hub", session.hub.url() + ", " + who.version());
  return Exit::kOk;
}

}  // namespace qleet::cli
