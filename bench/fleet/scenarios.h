// What is measured. Each runs alone, in a folder of its own, and prints its table.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace qleet::bench {

struct Setup {
  std::string binaries;
  std::string profiles;
  std::filesystem::path folder;    // of the hub's store: a disk
  std::filesystem::path journals;  // of the agents
  size_t agents = 0;               // instead of the scenario's own number; 0: that
  size_t applications = 0;         // the same
};

struct Scenario {
  std::string name;
  std::string takes;  // about how long
  void (*run)(const Setup&);
};

const std::vector<Scenario>& scenarios();

// scenario_*.cc
void fleet_1000(const Setup& setup);
void first_sync(const Setup& setup);
void fleet_10000(const Setup& setup);
void fleet_19000(const Setup& setup);

}  // namespace qleet::bench
