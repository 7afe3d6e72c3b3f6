// Which hub to talk to, and as whom: `~/.config/qleet/config.yaml`, the environment, or the command line.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "common/result/result.h"

namespace qleet::cli {

struct HubContext {
  std::string url;
  std::string token;
  std::string ca_pem;
};

// The file of contexts, mode 0600. Not thread-safe.
class Contexts {
 public:
  // An absent file is an empty one. $QLEET_CONFIG, else $XDG_CONFIG_HOME/qleet/config.yaml, else below $HOME.
  static std::filesystem::path default_path();
  static Result<Contexts> load(const std::filesystem::path& path);
  Result<> save() const;

  std::map<std::string, HubContext> contexts;
  std::string current;

 private:
  std::filesystem::path path_;
};

// What the user meant: `wanted` (or the current one where empty), with QLEET_HUB, QLEET_TOKEN and QLEET_CA (a
// file) taking precedence. kInvalid with advice where there is none.
Result<HubContext> resolve_context(const Contexts& contexts, const std::string& wanted);

}  // namespace qleet::cli
