// The command line: which command, with what options.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/session.h"
#include "common/result/result.h"

namespace CLI {
class App;
}

namespace qleet::cli {

struct Parsed {
  std::string context;
  OutputChoice output;
  // One of the two is set.
  std::function<Exit(Session&)> run;
  std::function<Exit()> run_without_hub;
};

// The whole command tree; parsing fills `parsed`, which must outlive it.
std::unique_ptr<CLI::App> make_app(Parsed& parsed);

// `interactive`: whether commands that change something follow it by themselves.
// Prints help or errors; kOk with `parsed` filled, or the exit code to leave with.
std::expected<Parsed, Exit> parse_arguments(int argc, const char* const* argv, bool interactive);

}  // namespace qleet::cli
