// Whether everything is up, and who asks.
#include <optional>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/status_view.h"
#include "common/clock/duration.h"

namespace qleet::cli {

Exit run(Session& session, const StatusCommand& command) {
  std::string last;
  const auto look = [&](bool watching) -> std::optional<Exit> {
    v1::SystemStatus status;
    const auto read = session.hub.get_into("/v1/status", status);
    if (!read) {
      if (watching && read.error().code == Code::kUnavailable) {
        session.terminal.draw("the hub is away: " + one_line(read.error().message) + "\n");
        return std::nullopt;
      }
      return report(read.error());
    }
    const Exit exit = status.well() ? Exit::kOk : Exit::kFailed;
    const auto now = status.SerializeAsString();
    if (watching && now == last) return std::nullopt;
    last = now;
    if (session.format == Format::kName) {
      for (const auto& note : status.problems()) print(note.kind() + "/" + note.name() + "\n");
    } else if (!print_for_programs(session, status)) {
      const auto text = render_status(session.terminal, status, session.hub.url());
      watching ? session.terminal.draw(text) : print(text);
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
