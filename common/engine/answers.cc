#include "common/engine/answers.h"

#include <algorithm>
#include <charconv>

#include "common/engine/json.h"

namespace qleet::containers {

namespace {

namespace json = boost::json;

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

constexpr std::int64_t kMostRestarts = 1'000'000'000;

// 0 where the text is no port.
std::uint16_t port_of(const std::string& text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  return read.ec == std::errc() && read.ptr == end ? port : 0;
}

}  // namespace

ContainerDetails details_of(const json::value& value) {
  ContainerDetails out;
  const auto& state = read::at(value, "State");
  const auto& config = read::at(value, "Config");
  const auto& host = read::at(value, "HostConfig");
  const auto& network = read::at(value, "NetworkSettings");
  out.id = read::text(value, "Id");
  out.name = without_slash(read::text(value, "Name"));
  out.state = read::text(state, "Status");
  out.labels = read::labels(config, "Labels");
  out.image = read::text(config, "Image");
  out.image_id = read::text(value, "Image");
  out.exit_code = static_cast<int>(read::integer(state, "ExitCode"));
  out.oom_killed = read::boolean(state, "OOMKilled");
  out.restarts =
      static_cast<unsigned>(std::clamp<std::int64_t>(read::integer(value, "RestartCount"), 0, kMostRestarts));
  out.error = read::text(state, "Error");
  out.started_at = read::text(state, "StartedAt");
  out.finished_at = read::text(state, "FinishedAt");
  out.pid = read::integer(state, "Pid");
  out.env = read::texts(config, "Env");
  out.user = read::text(config, "User");
  out.network_mode = read::text(host, "NetworkMode");
  out.memory = read::integer(host, "Memory");
  out.nano_cpus = read::integer(host, "NanoCpus");
  if (const auto* networks = read::at(network, "Networks").if_object()) {
    for (const auto& item : *networks) {
      out.networks[item.key()] = {read::text(item.value(), "IPAddress"), read::text(item.value(), "Gateway"),
                                  read::texts(item.value(), "Aliases")};
    }
  }
  if (const auto* ports = read::at(network, "Ports").if_object()) {
    for (const auto& item : *ports) {
      const auto* bindings = item.value().if_array();
      if (!bindings || bindings->empty()) continue;
      const auto port = port_of(read::text(bindings->front(), "HostPort"));
      if (port != 0) out.published[item.key()] = port;
    }
  }
  return out;
}

Network network_of(const json::value& value) {
  Network out;
  out.id = read::text(value, "Id");
  out.name = read::text(value, "Name");
  out.labels = read::labels(value, "Labels");
  const auto& config = read::at(read::at(value, "IPAM"), "Config");
  if (const auto* list = config.if_array(); list && !list->empty()) {
    out.subnet = read::text(list->front(), "Subnet");
    out.gateway = read::text(list->front(), "Gateway");
  }
  return out;
}

Volume volume_of(const json::value& value) {
  return {read::text(value, "Name"), read::labels(value, "Labels"), read::text(value, "Mountpoint")};
}

std::vector<Container> containers_of(const json::value& value) {
  std::vector<Container> out;
  const auto* items = value.if_array();
  if (!items) return out;
  for (const auto& item : *items) {
    Container container;
    container.id = read::text(item, "Id");
    const auto names = read::texts(item, "Names");
    if (!names.empty()) container.name = without_slash(names.front());
    container.state = read::text(item, "State");
    container.labels = read::labels(item, "Labels");
    container.image = read::text(item, "Image");
    container.image_id = read::text(item, "ImageID");
    out.push_back(std::move(container));
  }
  return out;
}

std::vector<Network> networks_of(const json::value& value) {
  std::vector<Network> out;
  if (const auto* items = value.if_array()) {
    for (const auto& item : *items) out.push_back(network_of(item));
  }
  return out;
}

std::vector<Volume> volumes_of(const json::value& value) {
  std::vector<Volume> out;
  if (const auto* items = read::at(value, "Volumes").if_array()) {
    for (const auto& item : *items) out.push_back(volume_of(item));
  }
  return out;
}

Image image_of(const json::value& value) {
  return {read::text(value, "Id"), read::texts(value, "RepoTags"), read::texts(value, "RepoDigests")};
}

PullLine pull_line(std::string_view line) {
  const auto value = read::parse(line);
  if (!value) return {};
  return {read::text(*value, "status"), read::text(*value, "error")};
}

}  // namespace qleet::containers
