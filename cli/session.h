// What every command is given.
#pragma once

#include <string>

#include "cli/exit_codes.h"
#include "cli/format.h"
#include "cli/hub_client.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "common/clock/clock.h"

namespace qleet::cli {

struct Session {
  HubClient& hub;
  Terminal& terminal;
  const Clock& clock;
  Format format = Format::kTable;
  std::string expression = {};  // OutputChoice::expression

  // Standard output then holds what was asked for and nothing else.
  bool for_programs() const {
    return format == Format::kJson || format == Format::kYaml || format == Format::kJsonPath ||
           format == Format::kColumns;
  }
};

// Prints the error for a person (each wrong field on a line of its own) to standard error; the exit code that
// goes with it.
Exit report(const Error& error);

// Prints a message as the format says when that is for programs; true if it did.
bool print_for_programs(const Session& session, const google::protobuf::Message& message);
// What a person is told on the way: on standard error where standard output is for programs.
void print_note(const Session& session, const std::string& text);

}  // namespace qleet::cli
