// Writes what docs/reference holds of the schema: qleet_write_reference FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/docs/fields_page.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: qleet_write_reference FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::ofstream fields(folder / "fields.md", std::ios::trunc);
  fields << qleet::test::fields_page();
  std::ofstream schema(folder / "schema.json", std::ios::trunc);
  schema << qleet::test::editor_schema();
  return fields.flush() && schema.flush() ? 0 : 1;
}
