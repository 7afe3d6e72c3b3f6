// docs/reference/fields.md: every field that people write, out of the schema and its comments.
#pragma once

#include <string>

namespace qleet::test {

std::string fields_page();

// docs/reference/schema.json: JSON Schema (draft 2020-12) of one document, for editors. An object of any kind
// that people write, or a plain Score file.
std::string editor_schema();

}  // namespace qleet::test
