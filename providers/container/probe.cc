#include "providers/container/probe.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/http/client.h"

namespace qleet::container {

namespace {

ProbeResult tcp(const CheckSpec& check, const std::string& address) {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(check.port);
  if (::inet_pton(AF_INET, address.c_str(), &peer.sin_addr) != 1) return {false, "has no address yet"};
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return {false, std::strerror(errno)};
  int error = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      pollfd wait{fd, POLLOUT, 0};
      const int ready = ::poll(&wait, 1, static_cast<int>(check.timeout.count()));
      socklen_t size = sizeof(error);
      if (ready <= 0) {
        error = ETIMEDOUT;
      } else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
    }
  }
  ::close(fd);
  if (error != 0)
    return {false, fmt::format("nothing answers on port {}: {}", check.port, std::strerror(error))};
  return {true, {}};
}

ProbeResult http_get(const CheckSpec& check, const std::string& address) {
  http::Request request;
  request.url = fmt::format("http://{}:{}{}{}", address, check.port, check.path.starts_with('/') ? "" : "/",
                            check.path);
  if (!check.host.empty()) request.headers.emplace_back("Host", check.host);
  for (const auto& [name, value] : check.headers) request.headers.emplace_back(name, value);
  request.timeout = check.timeout;
  http::ClientOptions options;
  options.connect_timeout = check.timeout;
  options.user_agent = "qleet-probe";
  http::Client client(options);
  bool answered = false;
  // Only the status matters: the body may be large or endless.
  const auto response = client.stream(
      request, [](std::string_view) { return false; }, [&](const http::Response&) { answered = true; });
  if (answered || (response && response->ok())) return {true, {}};
  if (!response) return {false, fmt::format("GET {}: {}", check.path, response.error().message)};
  if (response->status < 400) return {true, {}};
  return {.ok = false,
          .message = fmt::format("GET {} on port {} answers {}", check.path, check.port, response->status),
          .answered = true};
}

ProbeResult exec(containers::Client& client, const CheckSpec& check, const std::string& container) {
  const auto result = client.exec(container, {.command = check.command}, check.timeout);
  if (!result) return {false, result.error().message};
  if (result->exit_code == 0) return {true, {}};
  // What it printed is the workload's own, as its log is.
  return {.ok = false,
          .message = fmt::format("{} ends with code {}", check.command.front(), result->exit_code),
          .refused = result->exit_code == kRefused,
          .answered = true};
}

}  // namespace

ProbeResult probe(containers::Client& client, const CheckSpec& check, const std::string& address,
                  const std::string& container) {
  switch (check.how) {
    case CheckSpec::How::kNone:
      return {true, {}};
    case CheckSpec::How::kTcp:
      return tcp(check, address);
    case CheckSpec::How::kHttp:
      // The certificate of a probe's target is commonly its own: only that it takes connections can be told.
      return check.tls ? tcp(check, address) : http_get(check, address);
    case CheckSpec::How::kExec:
      return exec(client, check, container);
  }
  return {true, {}};
}

}  // namespace qleet::container
