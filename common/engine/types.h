// What the Docker Engine API says about containers, images, networks and volumes, as far as it is used here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace qleet::containers {

using Labels = std::map<std::string, std::string>;

struct Container {
  std::string id;
  std::string name;   // without the leading slash
  std::string state;  // created, running, paused, restarting, removing, exited, stopped, dead
  Labels labels;
  std::string image;     // as it was asked for
  std::string image_id;  // sha256:...

  bool running() const { return state == "running"; }
};

struct NetworkEndpoint {
  std::string ip;
  std::string gateway;
  std::vector<std::string> aliases;
};

// A container looked at closely.
struct ContainerDetails : Container {
  int exit_code = 0;
  bool oom_killed = false;
  unsigned restarts = 0;  // by the engine itself, since somebody started it
  std::string error;      // the engine's own words about a failed start
  std::string started_at;
  std::string finished_at;
  std::int64_t pid = 0;
  std::vector<std::string> env;
  std::string user;  // that it runs as, also where its image says so; empty: root
  std::string network_mode;
  std::int64_t memory = 0;     // bytes; 0: no limit
  std::int64_t nano_cpus = 0;  // 0: no limit
  std::map<std::string, NetworkEndpoint> networks;
  std::map<std::string, std::uint16_t> published;  // "8080/tcp" -> host port
};

struct Network {
  std::string id;
  std::string name;
  Labels labels;
  std::string subnet;
  std::string gateway;
};

struct Volume {
  std::string name;
  Labels labels;
  std::string mountpoint;
};

struct Image {
  std::string id;
  std::vector<std::string> tags;
  std::vector<std::string> digests;  // repository@sha256:...
};

struct ExecSpec {
  std::vector<std::string> command;
  std::vector<std::string> env;  // NAME=value
  std::string user;              // empty: the container's
};

struct ExecResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// One line of the engine's event stream.
struct Event {
  std::string type;    // container, network, volume, image
  std::string action;  // start, die, remove (Docker: destroy), pause, rename, disconnect, ...
  std::string id;
  std::string name;
  Labels attributes;  // a container's labels are among them
};

}  // namespace qleet::containers
