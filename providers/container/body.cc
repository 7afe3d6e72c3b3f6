#include "providers/container/body.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace qleet::container {

namespace json = boost::json;

namespace {

// Quick deaths are the engine's to mend, also while no agent runs. It knows no backoff, so what dies again
// and again is left to the agent, which does.
constexpr int kEngineRestarts = 3;

json::object ulimit(const char* name, std::uint64_t value) {
  return {{"Name", name}, {"Soft", value}, {"Hard", value}};
}

json::array environment(const ProcessSpec& process) {
  json::array out;
  for (const auto& [name, value] : process.env) out.emplace_back(name + "=" + value);
  if (process.secrets_as_env) {
    for (const auto& [name, value] : process.secrets) out.emplace_back(name + "=" + value);
  }
  return out;
}

}  // namespace

json::object create_body(const ProcessSpec& process, const Placement& placement) {
  json::object body;
  body["Image"] = process.image;
  if (!process.command.empty())
    body["Entrypoint"] = json::array(process.command.begin(), process.command.end());
  if (!process.args.empty()) body["Cmd"] = json::array(process.args.begin(), process.args.end());
  if (auto env = environment(process); !env.empty()) body["Env"] = std::move(env);
  if (!process.user.empty()) body["User"] = process.user;
  if (!process.working_dir.empty()) body["WorkingDir"] = process.working_dir;
  json::object labels;
  for (const auto& [name, value] : placement.labels) labels[name] = value;
  body["Labels"] = std::move(labels);

  json::object host;
  host["NetworkMode"] = placement.network;
  json::array binds(placement.binds.begin(), placement.binds.end());
  for (const auto& mount : process.volumes) {
    if (!mount.path.empty()) continue;
    binds.emplace_back(fmt::format("{}:{}:{}", mount.volume, mount.target, mount.read_only ? "ro" : "rw"));
  }
  if (!binds.empty()) host["Binds"] = std::move(binds);
  json::array mounts;
  for (const auto& mount : placement.mounts) {
    mounts.push_back(json::object{
        {"Type", "bind"}, {"Source", mount.source}, {"Target", mount.target}, {"ReadOnly", mount.read_only}});
  }
  if (!mounts.empty()) host["Mounts"] = std::move(mounts);
  if (!process.tmpfs.empty()) {
    json::object tmpfs;
    for (const auto& target : process.tmpfs) tmpfs[target] = "";
    host["Tmpfs"] = std::move(tmpfs);
  }
  if (process.memory > 0) host["Memory"] = process.memory;
  if (process.nano_cpus > 0) host["NanoCpus"] = process.nano_cpus;
  if (process.shm_size > 0) host["ShmSize"] = process.shm_size;
  host["Ulimits"] = json::array{ulimit("nofile", process.nofile.value_or(placement.limits.nofile)),
                                ulimit("nproc", process.nproc.value_or(placement.limits.nproc))};
  host["RestartPolicy"] = {{"Name", "on-failure"}, {"MaximumRetryCount", kEngineRestarts}};

  const bool shares = placement.network.starts_with("container:") || placement.network == "host";
  if (!shares) {
    if (!placement.hostname.empty()) body["Hostname"] = placement.hostname;
    json::object bindings;
    json::object exposed;
    for (const auto& port : placement.ports) {
      const std::string name = fmt::format("{}/{}", port.container, port.protocol);
      exposed[name] = json::object{};
      if (!port.publish) continue;
      bindings[name] = json::array{json::object{
          {"HostIp", port.host_ip}, {"HostPort", port.host == 0 ? "" : std::to_string(port.host)}}};
    }
    if (!exposed.empty()) body["ExposedPorts"] = std::move(exposed);
    if (!bindings.empty()) host["PortBindings"] = std::move(bindings);
    body["NetworkingConfig"] = {
        {"EndpointsConfig",
         {{placement.network,
           {{"Aliases", json::array(placement.aliases.begin(), placement.aliases.end())}}}}}};
  }
  body["HostConfig"] = std::move(host);
  return body;
}

}  // namespace qleet::container
