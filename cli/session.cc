#include "cli/session.h"

#include <cstdio>

#include "common/model/model.h"

namespace qleet::cli {

Exit report(const Error& error) {
  std::string text;
  for (const auto& field : error.fields) {
    if (!field.file.empty()) text += field.file + ":";
    if (field.line > 0) text += std::to_string(field.line) + ":";
    if (!text.empty() && text.back() == ':') text += " ";
    if (!field.field.empty()) text += field.field + ": ";
    text += field.message + "\n";
  }
  if (error.fields.empty()) text = "qleet: " + error.message + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_of(error.code);
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

bool print_for_programs(const Session& session, const google::protobuf::Message& message) {
  if (!session.for_programs()) return false;
  print(session.format == Format::kJson ? model::to_json(message, true) + "\n" : model::to_yaml(message));
  return true;
}

}  // namespace qleet::cli
