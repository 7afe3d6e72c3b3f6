// What a template asks for, read and checked. TEMPLATES.md is the same for those who write profiles.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"
#include "providers/api/provider.h"

namespace qleet::container {

enum class Kind { kHost, kVolume, kContainer, kWorkload, kExec };

// The template's `kind`, or what its fields make obvious.
Result<Kind> kind_of(const ProviderResource& resource);

struct FileSpec {
  std::string target;  // absolute path in the container
  std::string content;
  unsigned mode = 0444;
};

struct MountSpec {
  std::string volume;
  std::string target;
  bool read_only = false;
  std::string path;  // in the volume; empty: all of it
};

struct PortSpec {
  std::uint16_t container = 0;
  std::string protocol = "tcp";
  bool publish = false;
  std::uint16_t host = 0;  // 0: any free one
  std::string host_ip = "127.0.0.1";
};

struct CheckSpec {
  enum class How { kNone, kHttp, kTcp, kExec };
  How how = How::kNone;
  std::uint16_t port = 0;
  std::string path = "/";
  std::string host;  // Host header; empty: the address
  bool tls = false;
  std::map<std::string, std::string> headers;
  std::vector<std::string> command;
  Millis interval{5'000};
  Millis timeout{2'000};
  unsigned failures = 3;  // in a row, before it counts
};

// One process in one container.
struct ProcessSpec {
  std::string image;
  std::vector<std::string> command;  // replaces the image's entrypoint
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secrets;
  bool secrets_as_env = false;
  std::vector<FileSpec> files;
  std::vector<MountSpec> volumes;
  std::vector<std::string> tmpfs;
  std::string user;
  std::string working_dir;
  std::int64_t memory = 0;
  std::int64_t nano_cpus = 0;
  std::optional<std::uint64_t> nofile;
  std::optional<std::uint64_t> nproc;
  std::int64_t shm_size = 0;
};

struct HostSpec {
  std::string subnet;  // empty: a free one is chosen
  std::string address;
};

struct VolumeSpec {
  std::string size;
};

struct ContainerSpec {
  ProcessSpec process;
  std::vector<PortSpec> ports;
  CheckSpec health;
  std::string network;  // empty: the agent's; "host": the host's own
  std::string alias;    // empty: the resource's own name alone
  Millis grace{30'000};
  Millis start_within{120'000};
};

struct ServicePort {
  std::string name;
  std::uint16_t port = 0;
  std::uint16_t target = 0;
  std::string protocol = "tcp";
};

// Another container of the replica that comes before one.
struct BeforeSpec {
  enum class Ready { kStarted, kHealthy, kComplete };
  std::string container;
  Ready ready = Ready::kStarted;
};

struct WorkloadContainer {
  std::string name;
  ProcessSpec process;
  CheckSpec readiness;
  CheckSpec liveness;
  std::vector<BeforeSpec> before;
  bool one_shot = false;     // it ends, with code 0, before another one starts
  bool own_network = false;  // it ends before there is a network to share
};

struct WorkloadSpec {
  std::string name;  // the Score document's, else the resource's id
  // The first one's network is everyone's, but for those that end before it starts; then as they start
  // (start_order.h).
  std::vector<WorkloadContainer> containers;
  std::vector<ServicePort> ports;
  std::string hostname;  // that others ask for it by; empty: nobody does
  unsigned replicas = 1;
  std::string network;
  Millis grace{30'000};
  Millis drain{30'000};  // the longest wait for connections to finish
  Millis start_within{120'000};
};

struct ExecTarget {
  std::string container;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secrets;
  std::string user;
  std::vector<std::string> check;
  std::vector<std::string> data;  // empty: not asked
  std::vector<std::vector<std::string>> create;
  std::vector<std::vector<std::string>> remove;
  Millis timeout{30'000};
};

// Errors: kInvalid with reason InvalidTemplate, naming every wrong field.
Result<HostSpec> parse_host(const google::protobuf::Struct& object);
Result<VolumeSpec> parse_volume(const google::protobuf::Struct& object);
Result<ContainerSpec> parse_container(const google::protobuf::Struct& object);
Result<WorkloadSpec> parse_workload(const google::protobuf::Struct& object, const std::string& id);
Result<ExecTarget> parse_exec(const google::protobuf::Struct& object);

// Whether it can be a path in a container at which something is mounted.
bool is_target(std::string_view path);

// Bytes out of base64 text.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace qleet::container
