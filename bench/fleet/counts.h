// What simulated agents tell the driver, and what it tells them: a file that both map. Counted per process.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace qleet::bench {

struct Counts {
  // From the driver.
  std::atomic<std::uint64_t> connect;  // that many agents shall connect

  // From the agents.
  std::atomic<std::uint64_t> opened;     // journal read, everything made
  std::atomic<std::uint64_t> connected;  // over the bus, now
  std::atomic<std::uint64_t> in_sync;    // and hold what the hub said last
  std::atomic<std::uint64_t> settled;    // in sync, and the hub has confirmed every report
  std::atomic<std::uint64_t> held;       // resources in the journals
  std::atomic<std::uint64_t> present;    // resources that are made
  std::atomic<std::uint64_t> applies;    // times that something was made or changed
};

// Makes the file where `make` is set. Exits with a message where it cannot be.
Counts* map_counts(const std::string& file, bool make);

}  // namespace qleet::bench
