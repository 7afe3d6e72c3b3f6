// A container engine for one test, with storage of its own in a temporary folder, which takes everything that
// the test made with it when it ends, also by a failure.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/engine/client.h"

namespace qleet::test {

class EngineHost {
 public:
  virtual ~EngineHost() = default;

  containers::Client& client() { return *client_; }
  virtual const std::string& socket() const = 0;
  const std::filesystem::path& state() const { return state_; }
  const std::string& image() const { return image_; }

  // Imports the web server of the tests under another name, or again, with this version as its content.
  // `user`: whom it runs as; "app" is 1234 there, with group 1235.
  Result<> import_web(const std::string& reference, const std::string& version, const std::string& user = "");
  // Imports an image of a program of this machine with the libraries that it loads.
  Result<> import_program(const std::string& reference, const std::filesystem::path& program);
  // Kills it with SIGKILL; false where that cannot be. Until bring_back_service() nothing is asked of it.
  virtual bool kill_service() = 0;
  // Returns when it answers, or does not within a minute.
  virtual void bring_back_service() = 0;
  // Containers, networks and volumes that are left, as "container x", for a test's last assertion.
  std::vector<std::string> leftovers();

 protected:
  EngineHost() = default;
  // Makes the folder; false with the reason in `why`.
  bool make_folder(const std::string& pattern, std::string& why);
  // Connects, and imports the image of the tests.
  bool connect(std::string& why);
  void remove_everything();

  std::filesystem::path state_;
  std::string image_ = "localhost/test-web:1";
  std::unique_ptr<containers::Client> client_;
};

// "podman", or what QLEET_TEST_ENGINE says: the same tests run against each engine.
std::string engine_under_test();

// The engine under test. Null with the reason in `why`; where `skip` is set the test is to be skipped: this
// machine cannot run that engine at all.
std::unique_ptr<EngineHost> start_engine_host(std::string& why, bool& skip);

// The body of a GET on the host, empty on any failure.
std::string get(const std::string& url);

}  // namespace qleet::test
