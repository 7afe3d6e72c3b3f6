// What an engine answers piece by piece: events, logs, the output of a command.
#include <fmt/format.h>

#include "common/engine/client.h"
#include "common/engine/errors.h"
#include "common/engine/events.h"
#include "common/engine/json.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

namespace json = boost::json;

constexpr std::size_t kMostOutput = 1U << 20U;
// A log that is not followed: its reader may be slow, and the engine waits for him.
constexpr Millis kReadLog{300'000};

Error away(Error error, std::string_view what) {
  error = wrap(std::move(error), what);
  if (error.code == Code::kUnavailable) error.reason = reasons::kHostUnavailable;
  return error;
}

}  // namespace

Result<ExecResult> Client::exec(std::string_view container, const ExecSpec& spec, Millis timeout) {
  const std::string what = fmt::format("run a command in container {}", container);
  json::object body{{"AttachStdout", true},
                    {"AttachStderr", true},
                    {"Cmd", json::array(spec.command.begin(), spec.command.end())},
                    {"Env", json::array(spec.env.begin(), spec.env.end())}};
  if (!spec.user.empty()) body["User"] = spec.user;
  const auto created =
      TRY(read::parse(TRY(fetch({.what = what,
                                 .method = "POST",
                                 .path = fmt::format("/containers/{}/exec", http::encode(container)),
                                 .body = json::serialize(body)}))));
  const std::string id = read::text(created, "Id");

  ExecResult result;
  FrameReader frames([&](Stream stream, std::string_view bytes) {
    std::string& out = stream == Stream::kOut ? result.out : result.err;
    if (out.size() < kMostOutput) out.append(bytes);
    return true;
  });
  http::Request request = request_of({.what = what,
                                      .method = "POST",
                                      .path = fmt::format("/exec/{}/start", id),
                                      .body = R"({"Detach":false,"Tty":false})",
                                      .timeout = timeout});
  const auto response = http_.stream(request, [&](std::string_view bytes) { return frames.feed(bytes); });
  if (!response) return std::unexpected(away(response.error(), what));
  if (response->status >= 400) {
    // A command that does not exist is the container's answer, not a failure of the engine.
    Error error = refused(response->status, response->body, what);
    if (error.message.find("executable file not found") != std::string::npos ||
        error.message.find("no such file or directory") != std::string::npos) {
      result.exit_code = 127;
      result.err = error.message;
      return result;
    }
    return std::unexpected(std::move(error));
  }
  const auto ended = TRY(read::parse(TRY(fetch({.what = what, .path = fmt::format("/exec/{}/json", id)}))));
  result.exit_code = static_cast<int>(read::integer(ended, "ExitCode"));
  return result;
}

Result<> Client::events(std::stop_token stop, const std::function<void()>& connected,
                        const std::function<bool(const Event&)>& sink) {
  const std::string what = "listen to the container engine's events";
  LineReader lines([&](std::string_view line) {
    const auto event = parse_event(line);
    return !event || sink(*event);
  });
  http::Request request = request_of({.what = what, .path = "/events", .timeout = Millis(0)});
  request.stop = stop;
  const auto response = http_.stream(
      request, [&](std::string_view bytes) { return lines.feed(bytes); },
      [&](const http::Response&) { connected(); });
  if (stop.stop_requested()) return {};
  if (!response) return std::unexpected(away(response.error(), what));
  if (response->status >= 400) return std::unexpected(refused(response->status, response->body, what));
  return {};
}

Result<> Client::logs(std::string_view container, const LogOptions& options, std::stop_token stop,
                      const LogAssembler::Sink& sink) {
  const std::string what = fmt::format("read the logs of container {}", container);
  LogAssembler lines(sink);
  bool enough = false;
  FrameReader frames(
      [&](Stream stream, std::string_view bytes) {
        enough = !lines.feed(stream, bytes);
        return !enough;
      },
      [&](Stream stream) { lines.frame_begins(stream); });
  std::string path = fmt::format("/containers/{}/logs?stdout=true&stderr=true&timestamps=true&follow={}",
                                 http::encode(container), options.follow);
  if (options.tail > 0) path += fmt::format("&tail={}", options.tail);
  if (!options.since.empty()) path += "&since=" + http::encode(options.since);
  if (!options.until.empty()) path += "&until=" + http::encode(options.until);
  http::Request request =
      request_of({.what = what, .path = path, .timeout = options.follow ? Millis(0) : kReadLog});
  request.stop = stop;
  const auto response = http_.stream(request, [&](std::string_view bytes) { return frames.feed(bytes); });
  if (enough || stop.stop_requested()) return {};
  if (!response) return std::unexpected(away(response.error(), what));
  if (response->status >= 400) return std::unexpected(refused(response->status, response->body, what));
  lines.finish();
  return {};
}

}  // namespace qleet::containers
