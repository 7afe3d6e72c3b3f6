#include "common/process/command_line.h"

#include <CLI/CLI.hpp>

#include "common/log/log.h"

namespace qleet {
namespace {

constexpr log::Logger kLog{"main"};

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
}

int failed(const Error& error) {
  kLog.error(error.message);
  for (const auto& field : error.fields) kLog.error(field.message, {{"field", field.field}});
  return 1;
}

}  // namespace qleet
