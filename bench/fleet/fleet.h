// Enrolled agents, and the processes that simulate them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/fleet/counts.h"
#include "bench/fleet/hub.h"
#include "bench/fleet/process.h"

namespace qleet::bench {

struct FleetSetup {
  std::string binaries;  // folder with bench_agents
  std::filesystem::path folder;
  // Where the journals lie: tmpfs by default, because in the world each agent has a disk of its own.
  std::filesystem::path journals;
  std::string heartbeat_ms = "10000";
};

// Sums over all processes.
struct FleetState {
  std::uint64_t opened = 0, connected = 0, in_sync = 0, settled = 0, held = 0, present = 0, applies = 0;
};

class Fleet {
 public:
  // Labels of the region of the agent with that number.
  using Labels = std::function<std::map<std::string, std::string>(size_t number)>;

  Fleet(FleetSetup setup, Hub& hub) : setup_(std::move(setup)), hub_(hub) {}
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  static std::string name(size_t number);

  // Join token and enrolment over HTTPS for each agent from the present number on, over 8 connections, with a
  // key made for each. Seconds.
  double enrol(size_t count, const Labels& labels);
  size_t enrolled() const { return lines_.size(); }

  // Starts processes for those that are enrolled and not yet held; they have read their journals on return,
  // and do not connect. At most 3,500 agents fit into one process (open files).
  void hold(size_t at_most_per_process = 3'500);
  // Seconds until all that are held are connected, in sync and confirmed.
  double connect(std::chrono::seconds limit);

  FleetState state() const;
  // The process that holds the last agents.
  Process& last_process() { return held_.back().process; }
  double cpu_seconds() const;
  double resident_mb() const;

 private:
  struct Held {
    Process process;
    Counts* counts;
    size_t agents;
  };
  FleetSetup setup_;
  Hub& hub_;
  // One key for TLS and its request, for all: agents of one process share what they show.
  std::string tls_key_;
  std::string tls_request_;
  std::vector<std::string> lines_;
  std::vector<Held> held_;
  size_t first_free_ = 0;
};

}  // namespace qleet::bench
