// What the tests with the provider noop share: applications, and a look at the world that an agent made.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/mini_fleet.h"

namespace qleet::test {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// A thing that exists, as the provider keeps it.
struct Made {
  std::string hash;
  std::uint64_t changes = 0;
};

class NoopFleet : public ::testing::Test {
 protected:
  NoopFleet() : NoopFleet(FleetOptions{}) {}
  explicit NoopFleet(FleetOptions options) : fleet(with_profiles(std::move(options))) {}

  // Web workload with postgres, redis "sessions" (shared by the environment) and a route.
  static std::string shop(const std::string& extra_variable = "", const std::string& environments = "");
  // Another application on the same redis.
  static std::string cart();
  static std::string digest(char filler) { return "sha256:" + std::string(64, filler); }
  std::string build(const std::string& tag, char filler) const {
    return "registry.test/shop/web:" + tag + "@" + digest(filler);
  }

  // What exists in the agent's world, by name. The file is written by rename: it is whole at any time.
  std::map<std::string, Made> world(const std::string& agent = "local-1") const;
  std::vector<std::string> world_names(const std::string& agent = "local-1") const;
  // As someone would who deletes it behind the agent's back. The agent must not run.
  void vanish(const std::string& name, const std::string& agent = "local-1") const;

  // Everything is ready, as wanted, and the world holds exactly what the hub lists.
  ::testing::AssertionResult settled(const std::string& agent = "local-1",
                                     std::chrono::milliseconds limit = 30s) const;
  // Nothing is left of any application.
  ::testing::AssertionResult empty(std::chrono::milliseconds limit = 30s) const;

  MiniFleet fleet;

 private:
  static FleetOptions with_profiles(FleetOptions options) {
    if (options.profiles.empty()) options.profiles = QLEET_TOP "/tests/e2e/profiles";
    return options;
  }
};

}  // namespace qleet::test
