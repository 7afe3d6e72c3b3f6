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
  switch (session.format) {
    case Format::kJson:
      print(model::to_json(message, true) + "\n");
      return true;
    case Format::kYaml:
      print(model::to_yaml(message));
      return true;
    case Format::kJsonPath:
      if (const auto path = JsonPath::parse(session.expression)) print(path->print(value_of(message)) + "\n");
      return true;
    case Format::kColumns:
      if (const auto columns = parse_columns(session.expression))
        print(table(headers_of(*columns), {cells_of(*columns, value_of(message))}));
      return true;
    default:
      return false;
  }
}

void print_note(const Session& session, const std::string& text) {
  session.for_programs() || session.format == Format::kName ? print_error(text) : print(text);
}

}  // namespace qleet::cli
