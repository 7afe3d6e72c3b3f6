// A whole fleet for one test: the real hub with its nats-server, real agents and the real CLI, in a temporary
// folder, on free ports of 127.0.0.1. What a test can do to it is what happens to processes in the world:
// they are killed, paused, restarted, and their folders are copied and lost.
//
// Everything that it started ends with it, and what killed tests left is swept by the next one. Where a test
// fails, the ends of all logs are printed; with QLEET_TEST_KEEP=1 the folder stays.
#pragma once

#include <signal.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/json.h"

namespace qleet::test {

struct FleetOptions {
  std::filesystem::path profiles;  // of an empty store
  std::string heartbeat_ms = "500";
  std::filesystem::path faketime;         // libfaketime: with it, set_clock works
  std::filesystem::path bin = QLEET_BIN;  // of the binaries; another one for other builds of them
  std::filesystem::path hub_bin = {};     // of the hub alone, where that is another one
  std::filesystem::path agent_bin = {};   // of agents alone
  std::function<void(const std::filesystem::path& folder)> prepare = {};  // called before anything starts
  std::vector<std::string> hub_arguments = {};                            // of qleet-hub serve, on top
  std::vector<std::string> agent_arguments = {};                          // of qleet-agent run, on top
};

struct AgentSpec {
  std::string name;  // also of its region
  std::vector<std::string> labels;
  bool containers = false;  // its own podman; else the provider noop alone
  bool both = false;        // its own podman, and the provider noop
  std::string engine = {};  // with containers: the socket of another engine that it works with instead
};

class MiniFleet {
 public:
  // The hub serves, and `qleet` has a context for it. Throws std::runtime_error where it cannot be.
  explicit MiniFleet(FleetOptions options);
  ~MiniFleet();
  MiniFleet(const MiniFleet&) = delete;
  MiniFleet& operator=(const MiniFleet&) = delete;

  std::filesystem::path folder() const { return folder_; }
  std::filesystem::path hub_state() const { return folder_ / "hub"; }
  std::filesystem::path agent_state(const std::string& name) const { return folder_ / name; }

  // The folder outlives the fleet, with all logs; nothing runs there any more.
  void keep() { kept_ = true; }

  // The wall clock of "hub" or of an agent, so many seconds off; what is called monotonic goes on as it was.
  void set_clock(const std::string& of, long seconds) const;

  // The hub. start_hub() waits until it is ready.
  void start_hub();
  void launch_hub();
  // From now on, with other binaries.
  void use_hub(const std::filesystem::path& bin) { options_.hub_bin = bin; }
  void use_hub_arguments(std::vector<std::string> arguments) {
    options_.hub_arguments = std::move(arguments);
  }
  void use_agent(const std::filesystem::path& bin) { options_.agent_bin = bin; }
  bool hub_runs() { return hub_.running(); }
  void stop_hub() { hub_.stop(); }
  void kill_hub() { hub_.kill9(); }
  void pause_hub() { hub_.signal(SIGSTOP); }
  void continue_hub() { hub_.signal(SIGCONT); }
  pid_t hub_pid() const { return hub_.pid(); }
  std::string url() const;

  // Its nats-server; 0: none runs.
  pid_t nats_pid() const;
  void signal_nats(int number) const;

  // Enrols and starts an agent, and waits until the hub sees it.
  void add_agent(const AgentSpec& spec);
  void enrol(const AgentSpec& spec);
  void start_agent(const std::string& name);
  std::vector<std::string> agents() const;
  bool agent_runs(const std::string& name) { return agents_.at(name).process.running(); }
  void signal_agent(const std::string& name, int number) const { agents_.at(name).process.signal(number); }
  void stop_agent(const std::string& name);
  void kill_agent(const std::string& name);
  pid_t agent_pid(const std::string& name) const { return agents_.at(name).process.pid(); }
  // Of an agent's own podman service, 0 where none answers.
  pid_t podman_service_pid(const std::string& name) const;
  // What podman needs to see an agent's containers.
  Environment podman_environment(const std::string& name) const;
  Ran podman(const std::string& name, std::vector<std::string> arguments) const;

  // The CLI, as the administrator; or with another environment on top.
  Ran qleet(std::vector<std::string> arguments, const std::string& input = {},
            const Environment& environment = {}) const;
  // The same, expected to exit with 0; its JSON.
  Json json(std::vector<std::string> arguments, const std::string& input = {}) const;
  // Applies a document, expected to be taken.
  Json apply(const std::string& yaml) const;
  // Null where there is none.
  Json get(const std::string& kind, const std::string& name) const;
  std::vector<Json> list(const std::string& kind) const;

  // Resource names of a region that are not tombstones.
  std::vector<std::string> resources() const;
  std::string state_of(const std::string& resource) const;
  std::string deployment_state(const std::string& name) const;
  // The application's deployment there runs this release, wholly.
  bool runs(const std::string& application, long release, const std::string& environment = "default") const;
  // "" when every deployment and every resource is ready and as wanted; else what is not.
  std::string unsettled() const;

  // Ends of all logs.
  std::string logs() const;

  // Ends hub and agents, as their machines' shutdowns do, so that they say what they have to say at their
  // end.
  void stop();
  // What sanitizers told in the logs, also of processes that were killed later on; "": nothing. Where
  // something is left of it when the fleet ends, the test fails.
  std::string sanitizer_reports() const;

 private:
  struct Agent {
    AgentSpec spec;
    Child process;
  };
  std::string binary(const std::string& name) const;
  Environment clock_of(const std::string& name) const;

  FleetOptions options_;
  std::filesystem::path folder_;
  std::string port_ = "0";
  bool kept_ = false;
  Child hub_;
  std::map<std::string, Agent> agents_;
};

}  // namespace qleet::test
