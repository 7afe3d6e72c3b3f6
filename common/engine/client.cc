#include "common/engine/client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "common/engine/answers.h"
#include "common/engine/errors.h"
#include "common/engine/json.h"
#include "common/engine/tar.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

namespace json = boost::json;

http::ClientOptions options_of(const std::string& socket) {
  http::ClientOptions options;
  options.unix_socket = socket;
  return options;
}

json::object to_json(const Labels& labels) {
  json::object out;
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

std::string label_filter(const Labels& labels) {
  json::array wanted;
  for (const auto& [name, value] : labels) wanted.emplace_back(name + "=" + value);
  return http::encode(json::serialize(json::object{{"label", std::move(wanted)}}));
}

constexpr Millis kSlow{120'000};  // create and start wait for storage and networks

}  // namespace

Client::Client(std::string socket, std::function<void()> timed_out, CallEnded ended)
    : socket_(std::move(socket)),
      timed_out_(std::move(timed_out)),
      ended_(std::move(ended)),
      http_(options_of(socket_)) {}

http::Request Client::request_of(const Call& call) const {
  http::Request request;
  request.method = call.method;
  request.url = "http://localhost/v1.41" + call.path;
  request.headers = call.headers;
  request.body = call.body;
  request.timeout = call.timeout;
  if (!call.body.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  return request;
}

Result<http::Response> Client::call(const Call& call) {
  const auto begun = std::chrono::steady_clock::now();
  auto response = http_.request(request_of(call));
  if (ended_)
    ended_(!response || response->status >= 500,
           std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun));
  if (!response) {
    if (timed_out_ && response.error().code == Code::kDeadline) timed_out_();
    Error error = wrap(std::move(response).error(), call.what);
    if (error.code == Code::kUnavailable) error.reason = reasons::kHostUnavailable;
    return std::unexpected(std::move(error));
  }
  if (response->status >= 400) {
    return std::unexpected(refused(response->status, response->body, call.what));
  }
  return response;
}

Result<std::string> Client::fetch(const Call& request) { return TRY(call(request)).body; }

Result<std::string> Client::version() {
  // Not /version: there Podman asks dpkg which packages it is made of, which takes seconds on a loaded host.
  const auto answer =
      TRY(call({.what = "ask the container engine", .path = "/_ping", .timeout = Millis(5'000)}));
  const std::string server(answer.header("Server"));
  const std::size_t slash = server.find('/');
  const std::string number =
      slash == std::string::npos ? "" : server.substr(slash + 1, server.find(' ') - slash - 1);
  return fmt::format("{} {}", server.starts_with("Libpod") ? "podman" : "docker", number);
}

int Client::service_pid() const {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
  ucred peer{};
  socklen_t size = sizeof(peer);
  int pid = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    pid = peer.pid;
  }
  ::close(fd);
  return pid;
}

Result<std::string> Client::create_container(std::string_view name, const json::object& body) {
  const auto value = TRY(read::parse(TRY(fetch({.what = fmt::format("create container {}", name),
                                                .method = "POST",
                                                .path = "/containers/create?name=" + http::encode(name),
                                                .body = json::serialize(body),
                                                .timeout = kSlow}))));
  return read::text(value, "Id");
}

Result<> Client::start(std::string_view container) {
  TRY(call({.what = fmt::format("start container {}", container),
            .method = "POST",
            .path = fmt::format("/containers/{}/start", http::encode(container)),
            .timeout = kSlow}));
  return {};
}

Result<> Client::stop(std::string_view container, Millis grace) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace);
  TRY(call({.what = fmt::format("stop container {}", container),
            .method = "POST",
            .path = fmt::format("/containers/{}/stop?t={}", http::encode(container), seconds.count()),
            .timeout = grace + kSlow}));
  return {};
}

Result<> Client::kill(std::string_view container, std::string_view signal) {
  TRY(call({.what = fmt::format("send {} to container {}", signal, container),
            .method = "POST",
            .path = fmt::format("/containers/{}/kill?signal={}", http::encode(container), signal)}));
  return {};
}

Result<> Client::unpause(std::string_view container) {
  TRY(call({.what = fmt::format("unpause container {}", container),
            .method = "POST",
            .path = fmt::format("/containers/{}/unpause", http::encode(container))}));
  return {};
}

Result<> Client::rename(std::string_view container, std::string_view name) {
  TRY(call(
      {.what = fmt::format("rename container {}", container),
       .method = "POST",
       .path = fmt::format("/containers/{}/rename?name={}", http::encode(container), http::encode(name))}));
  return {};
}

Result<> Client::remove(std::string_view container) {
  const auto done = call({.what = fmt::format("remove container {}", container),
                          .method = "DELETE",
                          .path = fmt::format("/containers/{}?force=true&v=true", http::encode(container)),
                          .timeout = kSlow});
  if (!done && done.error().code != Code::kNotFound) return std::unexpected(done.error());
  return {};
}

Result<ContainerDetails> Client::inspect(std::string_view container) {
  return details_of(
      TRY(read::parse(TRY(fetch({.what = fmt::format("look at container {}", container),
                                 .path = fmt::format("/containers/{}/json", http::encode(container))})))));
}

Result<std::vector<Container>> Client::list(const Labels& labels) {
  const auto value = TRY(read::parse(TRY(fetch(
      {.what = "list containers", .path = "/containers/json?all=true&filters=" + label_filter(labels)}))));
  return containers_of(value);
}

Result<std::string> Client::read_file(std::string_view container, std::string_view path) {
  constexpr int kMostLinks = 4;
  const std::string what = fmt::format("read {} of container {}", path, container);
  std::string at(path);
  for (int i = 0; i < kMostLinks; ++i) {
    const auto packed = first_file(TRY(fetch(
        {.what = what,
         .path = fmt::format("/containers/{}/archive?path={}", http::encode(container), http::encode(at))})));
    if (!packed) return fail(Code::kNotFound, what + ": it is no file");
    if (packed->links_to.empty()) return packed->content;
    at = packed->links_to.starts_with('/') ? packed->links_to
                                           : at.substr(0, at.rfind('/') + 1) + packed->links_to;
  }
  return fail(Code::kNotFound, what + ": too many links");
}

Result<> Client::put_archive(std::string_view container, std::string_view directory, std::string tar) {
  TRY(call({.what = fmt::format("put files into container {}", container),
            .method = "PUT",
            .path = fmt::format("/containers/{}/archive?path={}", http::encode(container),
                                http::encode(directory)),
            .body = std::move(tar),
            .content_type = "application/x-tar"}));
  return {};
}

Result<> Client::create_network(std::string_view name, const Labels& labels, std::string_view bridge,
                                std::string_view subnet) {
  json::object body{
      {"Name", name}, {"Driver", "bridge"}, {"CheckDuplicate", true}, {"Labels", to_json(labels)}};
  if (!bridge.empty()) body["Options"] = {{"com.docker.network.bridge.name", bridge}};
  if (!subnet.empty()) {
    body["IPAM"] = json::object{{"Config", json::array{json::object{{"Subnet", subnet}}}}};
  }
  TRY(call({.what = fmt::format("create network {}", name),
            .method = "POST",
            .path = "/networks/create",
            .body = json::serialize(body)}));
  return {};
}

Result<Network> Client::inspect_network(std::string_view name) {
  return network_of(TRY(read::parse(TRY(fetch({.what = fmt::format("look at network {}", name),
                                               .path = fmt::format("/networks/{}", http::encode(name))})))));
}

Result<std::vector<Network>> Client::list_networks(const Labels& labels) {
  const auto value = TRY(read::parse(
      TRY(fetch({.what = "list networks", .path = "/networks?filters=" + label_filter(labels)}))));
  return networks_of(value);
}

Result<> Client::remove_network(std::string_view name) {
  const auto done = call({.what = fmt::format("remove network {}", name),
                          .method = "DELETE",
                          .path = fmt::format("/networks/{}", http::encode(name))});
  if (!done && done.error().code != Code::kNotFound) return std::unexpected(done.error());
  return {};
}

Result<> Client::connect(std::string_view network, std::string_view container,
                         const std::vector<std::string>& aliases) {
  const json::object body{{"Container", container},
                          {"EndpointConfig", {{"Aliases", json::array(aliases.begin(), aliases.end())}}}};
  TRY(call({.what = fmt::format("connect container {} to network {}", container, network),
            .method = "POST",
            .path = fmt::format("/networks/{}/connect", http::encode(network)),
            .body = json::serialize(body)}));
  return {};
}

Result<> Client::disconnect(std::string_view network, std::string_view container) {
  const json::object body{{"Container", container}, {"Force", true}};
  TRY(call({.what = fmt::format("disconnect container {} from network {}", container, network),
            .method = "POST",
            .path = fmt::format("/networks/{}/disconnect", http::encode(network)),
            .body = json::serialize(body)}));
  return {};
}

Result<> Client::create_volume(std::string_view name, const Labels& labels) {
  const json::object body{{"Name", name}, {"Driver", "local"}, {"Labels", to_json(labels)}};
  TRY(call({.what = fmt::format("create volume {}", name),
            .method = "POST",
            .path = "/volumes/create",
            .body = json::serialize(body)}));
  return {};
}

Result<Volume> Client::inspect_volume(std::string_view name) {
  return volume_of(TRY(read::parse(TRY(fetch({.what = fmt::format("look at volume {}", name),
                                              .path = fmt::format("/volumes/{}", http::encode(name))})))));
}

Result<std::vector<Volume>> Client::list_volumes(const Labels& labels) {
  const auto value = TRY(
      read::parse(TRY(fetch({.what = "list volumes", .path = "/volumes?filters=" + label_filter(labels)}))));
  return volumes_of(value);
}

Result<> Client::remove_volume(std::string_view name) {
  const auto done = call({.what = fmt::format("remove volume {}", name),
                          .method = "DELETE",
                          .path = fmt::format("/volumes/{}", http::encode(name)),
                          .timeout = kSlow});
  if (!done && done.error().code != Code::kNotFound) return std::unexpected(done.error());
  return {};
}

}  // namespace qleet::containers
