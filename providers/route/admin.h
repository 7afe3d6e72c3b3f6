// Talks to a running haproxy over the sockets that it makes in its folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"

namespace qleet::route {

// Thread-safe: a connection for each command. Errors: kUnavailable when nothing answers.
class Admin {
 public:
  explicit Admin(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // One process of haproxy: 0 is the worker of now, else the pid of one of before a reload.
  Result<std::string> ask(int worker, std::string_view command) const;
  // Workers of before a reload that still finish connections.
  Result<std::vector<int>> old_workers() const;
  // Starts to replace the worker; over when description() tells.
  Result<> reload() const;
  Result<std::string> description() const;

 private:
  Result<std::string> talk(const char* socket, std::string_view line) const;
  std::filesystem::path folder_;
};

std::vector<int> parse_old_workers(std::string_view show_proc);
// "description: x" out of "show info".
std::string parse_description(std::string_view show_info);

}  // namespace qleet::route
