// What the tests on real containers share: one hub and one agent with a container engine of its own for the
// whole program, with the shipped profiles and the images of packaging/images. The engine is Podman, or
// Docker where QLEET_TEST_ENGINE says so (tests/support/engine_host.h).
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/docker_host.h"
#include "tests/support/mini_fleet.h"
#include "tests/support/steady_client.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class ContainerFleet : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;
  // Each test takes away what it applied; what is left is a failure, and cleaned for the next one.
  void TearDown() override;

  static MiniFleet& fleet() { return *fleet_; }
  static DockerHost& docker() { return *docker_; }  // only where it is the engine
  static int port() { return port_; }
  static const std::string agent;

  // Applies a file and waits until it is ready.
  static void up(const std::string& file);
  // A command of podman, or of docker, to the agent's engine.
  static Ran engine(std::vector<std::string> arguments);
  // Builds the shop with `title` on its page as the tag; repository:tag@digest, as the engine knows it.
  static std::string build_shop(const std::string& tag, const std::string& title);
  // When each running container whose name has one of `parts` in it was started.
  static std::map<std::string, std::string> started(const std::vector<std::string>& parts);
  static std::vector<std::string> containers();
  // Containers, networks and volumes, as the engine names them.
  static std::vector<std::string> leftovers();
  static ::testing::AssertionResult answers(const std::string& host, const std::string& path,
                                            const std::string& with, std::chrono::milliseconds limit = 20s);
  static ::testing::AssertionResult nothing_left(std::chrono::milliseconds limit = 40s);

 private:
  class Ending;
  static void start_docker();
  static void build_images();
  // What packaging/images/build and the like need to see the storage that they build into.
  static Environment build_environment();
  // Docker has no part in how images are built: it is handed them, as docs/operations/engines.md says.
  static void hand_over(const std::vector<std::string>& images);
  static std::unique_ptr<TempDir> files_;
  static std::unique_ptr<DockerHost> docker_;
  static std::string skipped_;  // why nothing can be run here
  static std::unique_ptr<MiniFleet> fleet_;
  static int port_;
};

}  // namespace qleet::test
