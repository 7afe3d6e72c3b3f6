#include "cli/session.h"

#include "common/model/model.h"

namespace qleet::cli {

Exit report(const Error& error) {
  std::string text;
  for (const auto& field : error.fields) text += one_line(model::describe(field)) + "\n";
  if (error.fields.empty()) text = "qleet: " + error.message + "\n";
  print_error(text);
  return exit_of(error.code);
}

bool print_for_programs(const Session& session, const google::protobuf::Message& message) {
  if (!session.for_programs()) return false;
  print(session.format == Format::kJson ? model::to_json(message, true) + "\n" : model::to_yaml(message));
  return true;
}

}  // namespace qleet::cli
