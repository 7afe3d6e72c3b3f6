#include "tests/support/mini_fleet.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace qleet::test {

namespace fs = std::filesystem;
using std::chrono::seconds;

namespace {

// Also of a process that ends meanwhile, where reading fails: the stream, unlike its iterators, throws
// nothing.
std::string contents(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

std::string last_lines(const fs::path& file, std::size_t lines) {
  const std::string text = contents(file);
  std::size_t at = text.size();
  for (std::size_t i = 0; i <= lines && at != std::string::npos && at > 0; ++i) at = text.rfind('\n', at - 1);
  return text.substr(at == std::string::npos ? 0 : at);
}

// The newest value of `key` in a log of "key=value" words.
std::string logged(const fs::path& file, const std::string& key) {
  const std::string text = contents(file);
  const auto at = text.rfind(" " + key + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 2;
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

bool has_argument(pid_t pid, const std::string& part) {
  return contents("/proc/" + std::to_string(pid) + "/cmdline").find(part) != std::string::npos;
}

// Processes with `part` in their command line.
std::vector<pid_t> processes_of(const std::string& part) {
  std::vector<pid_t> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && pid != ::getpid() && has_argument(pid, part)) out.push_back(pid);
  }
  return out;
}

Environment podman_environment_of(const fs::path& state) {
  const std::string root = state / "containers";
  return {{"CONTAINERS_CONF", root + "/containers.conf"},
          {"CONTAINERS_STORAGE_CONF", root + "/storage.conf"},
          {"CONTAINERS_REGISTRIES_CONF", root + "/registries.conf"}};
}

// Of qleet-agent's --engine.
std::string engine_of(const AgentSpec& spec) {
  if (!spec.containers) return "none";
  return spec.engine.empty() ? "own" : spec.engine;
}

// The agent must not run: it would repair what goes.
void remove_containers(const fs::path& state) {
  if (!fs::exists(state / "containers/containers.conf")) return;
  const auto environment = podman_environment_of(state);
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"podman", "rm", "--all", "--force", "--time", "1"},
                                             {"podman", "network", "prune", "--force"},
                                             {"podman", "volume", "rm", "--all", "--force"},
                                             {"podman", "rmi", "--all", "--force"}})
    run(command, environment);
}

// From the first line on that a sanitizer wrote; "" where there is none.
std::string reported(const fs::path& file) {
  constexpr int kLines = 150;
  std::ifstream in(file, std::ios::binary);
  std::string out;
  int lines = 0;
  for (std::string line; lines < kLines && std::getline(in, line);) {
    if (lines == 0 && line.find("Sanitizer") == std::string::npos &&
        line.find(": runtime error: ") == std::string::npos)
      continue;
    out += line + "\n";
    ++lines;
  }
  return out;
}

// Processes that outlived those who started them (after a kill -9: nats-server, podman's service, monitors
// of containers), and mounts.
void end_rest(const fs::path& folder) {
  const auto left = [&] { return processes_of(folder.string() + "/"); };
  for (const int number : {SIGTERM, SIGKILL}) {
    for (const pid_t pid : left()) {
      ::kill(pid, number);
      ::kill(pid, SIGCONT);
    }
    if (until([&] { return left().empty(); }, seconds(5))) break;
  }
  std::error_code ignored;
  for (const auto& state : fs::directory_iterator(folder, ignored)) {
    const std::string overlay = state.path() / "containers/graph/overlay";
    while (::umount2(overlay.c_str(), MNT_DETACH) == 0) {
    }
  }
}

void remove_rest(const fs::path& folder) {
  end_rest(folder);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

// What tests left behind that were killed themselves.
void sweep() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/tmp", ignored)) {
    const std::string owner = contents(entry.path() / "owner");
    if (!entry.path().filename().string().starts_with("qleet-e2e-") || owner.empty() ||
        fs::exists("/proc/" + owner))
      continue;
    for (const pid_t pid : processes_of(entry.path().string() + "/"))
      if (has_argument(pid, "qleet-agent")) ::kill(pid, SIGKILL);
    for (const auto& state : fs::directory_iterator(entry.path(), ignored)) remove_containers(state.path());
    remove_rest(entry.path());
  }
}

std::string deleted_or(const Json& resource, const std::string& state) {
  return resource["spec.deleted"].truth() ? "deleted" : state;
}

}  // namespace

MiniFleet::MiniFleet(FleetOptions options) : options_(std::move(options)) {
  sweep();
  std::string pattern = "/tmp/qleet-e2e-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::ofstream(folder_ / "owner") << ::getpid();
  if (options_.prepare) options_.prepare(folder_);
  start_hub();
  const auto made = qleet({"context", "set", "test", "--hub", url(), "--token-file",
                           hub_state() / "admin-token", "--ca", hub_state() / "tls/ca.pem"});
  if (made.exit != 0) throw std::runtime_error("qleet context set: " + made.err);
}

MiniFleet::~MiniFleet() {
  if (::testing::Test::HasFailure()) std::cerr << logs();
  stop();
  for (auto& [name, agent] : agents_)
    if (agent.spec.containers) remove_containers(agent_state(name));
  if (const auto reports = sanitizer_reports(); !reports.empty()) ADD_FAILURE() << reports;
  if (kept_ || std::getenv("QLEET_TEST_KEEP")) {
    if (!kept_) std::cerr << "kept: " << folder_ << "\n";
    end_rest(folder_);
    fs::remove(folder_ / "owner");  // no other test sweeps it
    return;
  }
  remove_rest(folder_);
}

std::string MiniFleet::binary(const std::string& name) const {
  if (name == "qleet-hub" && !options_.hub_bin.empty()) return options_.hub_bin / name;
  if (name == "qleet-agent" && !options_.agent_bin.empty()) return options_.agent_bin / name;
  return options_.bin / name;
}

std::string MiniFleet::url() const { return "https://127.0.0.1:" + port_; }

// libfaketime reads the file anew for each question.
Environment MiniFleet::clock_of(const std::string& name) const {
  if (options_.faketime.empty()) return {};
  const fs::path file = folder_ / (name + ".clock");
  if (!fs::exists(file)) set_clock(name, 0);
  return {{"LD_PRELOAD", options_.faketime},
          {"FAKETIME_TIMESTAMP_FILE", file},
          {"FAKETIME_NO_CACHE", "1"},
          {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
          {"FAKETIME_DONT_RESET", "1"}};
}

// By rename: whole at any time.
void MiniFleet::set_clock(const std::string& of, long seconds) const {
  const fs::path file = folder_ / (of + ".clock");
  const fs::path next = file.string() + ".next";
  std::ofstream(next) << (seconds < 0 ? "" : "+") << seconds << "\n";
  fs::rename(next, file);
}

void MiniFleet::launch_hub() {
  std::vector<std::string> command{binary("qleet-hub"),   "serve",       "--state",
                                   hub_state(),           "--listen",    "127.0.0.1:" + port_,
                                   "--nats-listen",       "127.0.0.1:0", "--heartbeat-ms",
                                   options_.heartbeat_ms, "--profiles",  options_.profiles};
  command.insert(command.end(), options_.hub_arguments.begin(), options_.hub_arguments.end());
  hub_ = Child(std::move(command), folder_ / "hub.log", clock_of("hub"));
}

void MiniFleet::start_hub() {
  const fs::path log = folder_ / "hub.log";
  launch_hub();
  const auto ready = [&] {
    if (!hub_.running()) return true;
    if (port_ == "0") {
      const std::string api = logged(log, "api");
      if (api.empty()) return false;
      port_ = api.substr(api.rfind(':') + 1);
    }
    return run({"curl", "-fsS", "-m", "2", "--cacert", hub_state() / "tls/ca.pem", url() + "/readyz"}).exit ==
           0;
  };
  if (!until(ready, seconds(40)) || !hub_.running())
    throw std::runtime_error("the hub does not come up: " + last_lines(log, 15));
}

pid_t MiniFleet::nats_pid() const {
  for (const pid_t pid : processes_of((hub_state() / "broker").string()))
    if (has_argument(pid, "nats-server")) return pid;
  return 0;
}

void MiniFleet::signal_nats(int number) const {
  if (const pid_t pid = nats_pid(); pid > 0) ::kill(pid, number);
}

void MiniFleet::enrol(const AgentSpec& spec) {
  std::vector<std::string> command{"agent", "join-token", "--region", spec.name, "-o", "json"};
  for (const auto& label : spec.labels) command.insert(command.end(), {"--label", label});
  const Json token = json(command);
  const auto enrolled =
      run({binary("qleet-agent"), "enrol", "--state", agent_state(spec.name), "--hub", url(), "--name",
           spec.name, "--token", token["token"].str(), "--ca-fingerprint", token["caFingerprint"].str()});
  if (enrolled.exit != 0) throw std::runtime_error("enrol " + spec.name + ": " + enrolled.err);
  agents_[spec.name].spec = spec;
}

void MiniFleet::start_agent(const std::string& name) {
  Agent& agent = agents_.at(name);
  std::vector<std::string> command{binary("qleet-agent"),
                                   "run",
                                   "--state",
                                   agent_state(name),
                                   "--heartbeat-ms",
                                   options_.heartbeat_ms,
                                   "--engine",
                                   engine_of(agent.spec)};
  if (!agent.spec.containers || agent.spec.both)
    command.insert(command.end(), {"--noop-world", folder_ / (name + ".world")});
  command.insert(command.end(), options_.agent_arguments.begin(), options_.agent_arguments.end());
  agent.process = Child(command, folder_ / (name + ".log"), clock_of(name));
}

void MiniFleet::add_agent(const AgentSpec& spec) {
  enrol(spec);
  start_agent(spec.name);
  if (!until([&] { return get("agents", spec.name)["status.state"].str() == "Connected"; }, seconds(60)))
    throw std::runtime_error("agent " + spec.name + " is not connected: " + get("agents", spec.name).dump() +
                             last_lines(folder_ / (spec.name + ".log"), 15));
}

std::vector<std::string> MiniFleet::agents() const {
  std::vector<std::string> names;
  for (const auto& [name, _] : agents_) names.push_back(name);
  return names;
}

void MiniFleet::stop_agent(const std::string& name) { agents_.at(name).process.stop(); }
void MiniFleet::kill_agent(const std::string& name) { agents_.at(name).process.kill9(); }

pid_t MiniFleet::podman_service_pid(const std::string& name) const {
  for (const pid_t pid : processes_of("unix://" + (agent_state(name) / "podman.sock").string())) return pid;
  return 0;
}

Environment MiniFleet::podman_environment(const std::string& name) const {
  return podman_environment_of(agent_state(name));
}

Ran MiniFleet::podman(const std::string& name, std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "podman");
  return run(arguments, podman_environment(name));
}

Ran MiniFleet::qleet(std::vector<std::string> arguments, const std::string& input,
                     const Environment& environment) const {
  arguments.insert(arguments.begin(), binary("qleet"));
  Environment all{{"QLEET_CONFIG", folder_ / "config.yaml"}};
  for (const auto& [name, value] : environment) all[name] = value;
  return run(arguments, all, input);
}

Json MiniFleet::json(std::vector<std::string> arguments, const std::string& input) const {
  const auto ran = qleet(arguments, input);
  std::string line;
  for (const auto& argument : arguments) line += " " + argument;
  EXPECT_EQ(ran.exit, 0) << "qleet" << line << "\n" << ran.err;
  return Json::parse(ran.out);
}

Json MiniFleet::apply(const std::string& yaml) const { return json({"apply", "-", "-o", "json"}, yaml); }

Json MiniFleet::get(const std::string& kind, const std::string& name) const {
  return Json::parse(qleet({"get", kind, name, "-o", "json"}).out);
}

std::vector<Json> MiniFleet::list(const std::string& kind) const {
  return Json::parse(qleet({"get", kind, "-o", "json"}).out)["items"].items();
}

std::vector<std::string> MiniFleet::resources() const {
  std::vector<std::string> out;
  for (const auto& resource : list("resources"))
    if (!resource["spec.deleted"].truth()) out.push_back(resource["metadata.name"].str());
  std::ranges::sort(out);
  return out;
}

std::string MiniFleet::state_of(const std::string& resource) const {
  return get("resources", resource)["status.state"].str();
}

std::string MiniFleet::deployment_state(const std::string& name) const {
  return get("deployments", name)["status.state"].str();
}

bool MiniFleet::runs(const std::string& application, long release, const std::string& environment) const {
  const Json deployment = get("deployments", application + "." + environment);
  return deployment["status.state"].str() == "Ready" && deployment["status.release"].number() == release &&
         deployment["spec.release"].number() == release;
}

std::string MiniFleet::unsettled() const {
  std::string out;
  for (const auto& deployment : list("deployments")) {
    const std::string state = deployment["status.state"].str();
    if (state != "Ready" || deployment["status.release"].number() != deployment["spec.release"].number())
      out += deployment["metadata.name"].str() + " " + state + "\n";
  }
  for (const auto& resource : list("resources")) {
    const std::string state = deleted_or(resource, resource["status.state"].str());
    if (state != "Ready" ||
        resource["status.observedGeneration"].number() != resource["metadata.generation"].number())
      out += resource["metadata.name"].str() + " " + state + "\n";
  }
  return out;
}

std::string MiniFleet::logs() const {
  std::stringstream out;
  const auto add = [&](const fs::path& file) {
    if (fs::exists(file)) out << "==== " << file.string() << "\n" << last_lines(file, 80) << "\n";
  };
  out << "==== resources\n" << qleet({"get", "resources"}).out << qleet({"events"}).out;
  add(folder_ / "hub.log");
  add(hub_state() / "broker/nats.log");
  for (const auto& [name, agent] : agents_) {
    add(folder_ / (name + ".log"));
    if (agent.spec.containers && agent.spec.engine.empty()) {
      add(agent_state(name) / "containers/podman.log");
      out << podman(name, {"ps", "--all"}).out;
    }
  }
  return out.str();
}

void MiniFleet::stop() {
  for (auto& [_, agent] : agents_) agent.process.stop();
  hub_.stop();
}

std::string MiniFleet::sanitizer_reports() const {
  std::string out;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() != ".log") continue;
    if (const auto report = reported(entry.path()); !report.empty())
      out += "==== " + entry.path().string() + "\n" + report;
  }
  return out;
}

}  // namespace qleet::test
